"""Several necks on one backbone."""

from mmengine.model import BaseModule
from torch import Tensor, nn

from mmvareid.registry import MODELS


@MODELS.register_module()
class JointNeck(BaseModule):
    """Give the backbone's outputs to each of several necks; Fig. 4 of VA-reID.

    Args:
        necks (list[dict]): Configs of necks that return one tensor each.
    """

    def __init__(self, necks: list[dict], init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg=init_cfg)
        self.necks = nn.ModuleList(MODELS.build(neck) for neck in necks)

    def forward(self, inputs: tuple[Tensor, ...] | Tensor) -> tuple[Tensor, ...]:
        """Return each neck's output, in the order of ``necks``."""
        return tuple(neck(inputs)[-1] for neck in self.necks)
