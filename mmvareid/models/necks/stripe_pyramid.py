"""Local features: windows of horizontal stripes of a feature map."""

from collections.abc import Sequence

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmvareid.registry import MODELS

from .embedding_neck import check_channels


@MODELS.register_module()
class StripePyramid(BaseModule):
    """Pool windows of neighbouring horizontal parts, and reduce each by weights of its own; §3.3.

    The map is cut into ``num_parts`` parts of equal height. A level of size l takes every window
    of l neighbouring parts: ``levels=(1,)`` is PCB (Sun et al. 2018), all levels from 1 to
    ``num_parts`` are the coarse-to-fine pyramid of Zheng et al. 2019. Each window is averaged and
    goes through a 1x1 convolution, BN and ReLU of its own.

    Args:
        in_channels (int): Channels C of the backbone's last output.
        out_channels (int): Channels D of a window's feature. Defaults to 256.
        num_parts (int): Parts into which the height is cut. Defaults to 6.
        levels (Sequence[int] | None): Window heights in parts. Defaults to None: all of them.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int = 256,
        num_parts: int = 6,
        levels: Sequence[int] | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        levels = range(1, num_parts + 1) if levels is None else levels
        if not levels or not all(1 <= level <= num_parts for level in levels):
            raise ValueError(
                f"levels has to hold window heights from 1 to num_parts={num_parts}, but got "
                f"{tuple(levels)}"
            )
        self.in_channels, self.num_parts = in_channels, num_parts
        self.windows = [
            (top, top + level) for level in levels for top in range(num_parts - level + 1)
        ]
        channels = len(self.windows) * out_channels
        # A grouped convolution is one 1x1 convolution for each of the S windows.
        conv = nn.Conv1d(
            len(self.windows) * in_channels, channels, 1, groups=len(self.windows), bias=False
        )
        nn.init.kaiming_normal_(conv.weight)
        self.reduction = nn.Sequential(conv, nn.BatchNorm1d(channels), nn.ReLU(inplace=True))

    @property
    def num_stripes(self) -> int:
        """Number S of windows."""
        return len(self.windows)

    def forward(self, inputs: tuple[Tensor, ...] | Tensor) -> tuple[Tensor]:
        """Turn the last of the backbone's outputs into local features.

        Args:
            inputs (tuple[Tensor] | Tensor): The last is (B, C, H, W), H a multiple of
                ``num_parts``.

        Returns:
            tuple[Tensor]: One tensor, (B, S, D).

        Raises:
            ValueError: H is no multiple of ``num_parts``, or the input is no map.
        """
        x = inputs[-1] if isinstance(inputs, tuple) else inputs
        if x.dim() != 4 or x.shape[2] % self.num_parts:
            raise ValueError(
                "StripePyramid has to have a map (B, C, H, W) with H a multiple of num_parts="
                f"{self.num_parts}, but got {tuple(x.shape)}; set num_parts to a divisor"
            )
        check_channels(x, self.in_channels)
        # A window's mean is the mean of its parts' means, since parts are of equal height.
        parts = x.mean(dim=3).unflatten(2, (self.num_parts, -1)).mean(dim=3)  # (B, C, P)
        pooled = [parts[:, :, top:bottom].mean(dim=2) for top, bottom in self.windows]
        reduced = self.reduction(torch.cat(pooled, dim=1)[:, :, None])  # (B, S·D, 1)
        return (reduced.squeeze(2).unflatten(1, (self.num_stripes, -1)),)
