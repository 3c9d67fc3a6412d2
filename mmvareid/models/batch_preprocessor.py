"""A data preprocessor that takes the batch to the device at once, and augments it there."""

from collections.abc import Sequence
from typing import Any

import torch
from mmpretrain.models.utils import ClsDataPreprocessor
from mmpretrain.structures import DataSample
from torch import Tensor

from mmvareid.registry import MODELS, TRANSFORMS


@MODELS.register_module()
class BatchAugmentPreprocessor(ClsDataPreprocessor):
    """mmpretrain's preprocessor, for a batch at once; after random transforms of it in training.

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
        """Augment if ``training``, then normalise; see the parent.

        Images and labels go to the device in one copy each, for which Python does not wait.
        """
        inputs = self._on_device(data["inputs"])
        if training and self.transforms:
            if not isinstance(inputs, torch.Tensor):
                raise ValueError(
                    "images that are augmented as a batch have to be of one size, but got "
                    f"{sorted({tuple(image.shape[1:]) for image in inputs})}; resize them first"
                )
            for transform in self.transforms:
                inputs = transform(inputs)
        data = {**data, "inputs": inputs}
        samples = data.get("data_samples")
        if samples and isinstance(samples[0], DataSample) and "gt_label" in samples[0]:
            self._move_labels(samples)
        return super().forward(data, training)

    def _on_device(self, images: Tensor | Sequence[Tensor]) -> Tensor | list[Tensor]:
        """Return images as one batch (B, 3, H, W) on the device, or a list where sizes differ."""
        if not isinstance(images, Tensor):
            if len({image.shape for image in images}) > 1:
                return self.cast_data([*images])  # type: ignore[return-value]
            images = torch.stack([*images])
            if images.device.type == "cpu" and self.device.type == "cuda":
                images = images.pin_memory()
        return self.cast_data(images)  # type: ignore[return-value]

    def _move_labels(self, samples: Sequence[DataSample]) -> None:
        labels = [sample.gt_label for sample in samples]
        moved = torch.cat(labels).to(self.device, non_blocking=True)
        for sample, label in zip(samples, moved.split([*map(len, labels)]), strict=True):
            sample.set_gt_label(label)
