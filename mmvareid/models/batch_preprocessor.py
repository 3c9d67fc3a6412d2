"""A data preprocessor that augments the batch where the model is."""

from collections.abc import Sequence
from typing import Any

import torch
from mmpretrain.models.utils import ClsDataPreprocessor

from mmvareid.registry import MODELS, TRANSFORMS


@MODELS.register_module()
class BatchAugmentPreprocessor(ClsDataPreprocessor):
    """mmpretrain's preprocessor, after random transforms of the uint8 batch in training.

    Args:
        transforms (Sequence[dict]): Such as ``dict(type="mmvareid.BatchRandomFlip")``; they take
            and give uint8 batches (B, 3, H, W).
        **kwargs: As for ``ClsDataPreprocessor``.
    """

    def __init__(self, transforms: Sequence[dict] = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._non_blocking = True  # from pinned memory
        self.transforms = [TRANSFORMS.build(transform) for transform in transforms]

    @torch.compiler.disable  # each image has offsets of its own, which would be traced anew
    def forward(self, data: dict, training: bool = False) -> dict:
        """Augment if ``training``, then normalise; see the parent."""
        if training and self.transforms:
            inputs = self.cast_data(data["inputs"])
            if not isinstance(inputs, torch.Tensor):
                inputs = torch.stack(list(inputs))
            for transform in self.transforms:
                inputs = transform(inputs)
            data = {**data, "inputs": inputs}
        return super().forward(data, training)
