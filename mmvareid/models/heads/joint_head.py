"""Several heads, of global and of local features, as one."""

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmpretrain.structures import DataSample
from torch import Tensor, nn

from mmvareid.registry import MODELS

from .reid_head import set_features


@MODELS.register_module()
class JointHead(BaseModule):
    """Sum the losses of several heads, and concatenate their descriptors; §3.3 of VA-reID.

    Args:
        heads (list[dict]): Configs of one head for each output of ``mmvareid.JointNeck``.
    """

    def __init__(self, heads: list[dict], init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg=init_cfg)
        self.heads = nn.ModuleList(MODELS.build(head) for head in heads)

    def forward(self, feats: tuple[Tensor, ...]) -> Tensor:
        """Return unit descriptors (B, sum of the heads' sizes), float32.

        Each unit feature has the same say, be it global or of one stripe.
        """
        parts = [
            head.unit_features((feat,))  # type: ignore[operator]  # a head of ours
            for head, feat in zip(self.heads, feats, strict=True)
        ]
        return F.normalize(torch.cat(parts, dim=1), dim=1)

    def loss(self, feats: tuple[Tensor, ...], data_samples: list[DataSample]) -> dict[str, Tensor]:
        """Return the losses of all heads by name.

        Raises:
            ValueError: Two heads give a loss of one name.
        """
        losses: dict[str, Tensor] = {}
        for head, feat in zip(self.heads, feats, strict=True):
            found = head.loss((feat,), data_samples)  # type: ignore[operator]  # a head of ours
            if losses.keys() & found:
                raise ValueError(
                    f"the losses of joined heads have to differ in name, but got {[*found]} beside "
                    f"{[*losses]}"
                )
            losses.update(found)
        return losses

    def predict(
        self, feats: tuple[Tensor, ...], data_samples: list[DataSample] | None = None
    ) -> list[DataSample]:
        """Set ``feature``, the unit descriptor, in each data sample and return them."""
        return set_features(self(feats), data_samples)
