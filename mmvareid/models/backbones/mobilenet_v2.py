"""mmpretrain's MobileNetV2 with a choice of the last stride."""

from typing import Any

import mmpretrain.models

from mmvareid.registry import MODELS


@MODELS.register_module()
class MobileNetV2(mmpretrain.models.MobileNetV2):
    """MobileNetV2 whose last map can have twice the rows and columns.

    Args:
        *args: As of mmpretrain's ``MobileNetV2``.
        last_stride (int): Of the sixth stage, 2 or 1; weights don't depend on it. Defaults to 2,
            mmpretrain's.
        **kwargs: As of mmpretrain's ``MobileNetV2``.

    Raises:
        ValueError: last_stride is neither 2 nor 1.
    """

    def __init__(self, *args: Any, last_stride: int = 2, **kwargs: Any) -> None:
        if last_stride not in (1, 2):
            raise ValueError(f"last_stride has to be 2 or 1, but got {last_stride}")
        stages = [[*stage] for stage in mmpretrain.models.MobileNetV2.arch_settings]
        stages[5][3] = last_stride
        self.arch_settings = stages  # what the base builds
        super().__init__(*args, **kwargs)
