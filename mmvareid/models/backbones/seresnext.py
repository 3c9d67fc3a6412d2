"""mmpretrain's SE-ResNeXt with a choice of the pooling in the stem."""

from typing import Any

import mmpretrain.models
from torch import nn

from mmvareid.registry import MODELS

STEM_POOLS: dict[str, dict[str, Any]] = {"padded": dict(padding=1), "ceil": dict(ceil_mode=True)}


@MODELS.register_module()
class SEResNeXt(mmpretrain.models.SEResNeXt):
    """SE-ResNeXt that can pool its stem as the models trained in Caffe do.

    The weights of SE-ResNeXt101-32x4d from 2018 (Cadene's pretrained-models.pytorch) were trained
    with windows that start at the border, mmpretrain's start one pixel before it. On even heights
    and widths both halve them.

    Args:
        *args: As of mmpretrain's ``SEResNeXt``.
        stem_pool (str): ``'padded'`` is mmpretrain's ``MaxPool2d(3, stride=2, padding=1)``,
            ``'ceil'`` is ``MaxPool2d(3, stride=2, ceil_mode=True)``. Defaults to ``'padded'``.
        **kwargs: As of mmpretrain's ``SEResNeXt``.

    Raises:
        ValueError: There is no such stem_pool.
    """

    def __init__(self, *args: Any, stem_pool: str = "padded", **kwargs: Any) -> None:
        if stem_pool not in STEM_POOLS:
            raise ValueError(f"stem_pool has to be one of {[*STEM_POOLS]}, but got {stem_pool!r}")
        super().__init__(*args, **kwargs)
        self.maxpool = nn.MaxPool2d(3, stride=2, **STEM_POOLS[stem_pool])
