"""The viewpoint-aware angular head."""

import logging
import math

import torch
import torch.nn.functional as F
from mmengine.logging import print_log
from mmpretrain.structures import DataSample
from torch import Tensor, nn

from mmvareid.models.losses.viewpoint_smoothing import viewpoint_weights
from mmvareid.registry import MODELS

from .angular_margin import MARGIN_TYPES, margin_logits
from .reid_head import ReIDHead


@MODELS.register_module()
class VAHead(ReIDHead):
    r"""Identity and identity-by-viewpoint centres on one hypersphere; §3.2 of VA-reID.

    Holds the centres W (K, D) and, if a loss needs them, U (K, V, D), and sums
    :math:`L = L_y + L_v + \beta L_R` (Eq. 1). The rows of the paper's Table 2 are settings of it:
    ``loss_view=None, loss_center=None`` with another ``loss_id`` gives Xent, LSR and L_y.

    A sample of unknown viewpoint (-1, or no ``viewpoint`` at all) takes part in L_y only. A sample
    with ``viewpoint_weights`` (V,) is of several viewpoints at once, see :class:`VALSRLoss`; each
    gets its share of the margin. Testing needs no viewpoint.

    Args:
        in_channels (int): Size D of the neck's descriptor.
        num_classes (int): Number K of training identities.
        num_views (int): Number V of viewpoints. Defaults to 3: front, side, back.
        scale (float): s of Eq. 3 and 4. Defaults to 10.
        margin (float): m of Eq. 3 and 4. Defaults to 0.1.
        margin_type (str): ``'arc'`` or ``'cos'``, see :func:`.margin_logits`.
        loss_id (dict): L_y of logits (B, K) and labels. Defaults to ALSR.
        loss_view (dict | None): L_v of logits (B, K, V), labels and viewpoints. Defaults to VALSR.
        loss_center (dict | None): β·L_R of W and U. Defaults to β = 0.1 (§4.4).
        loss_triplet (dict | None): See :class:`ReIDHead`.
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        num_views: int = 3,
        scale: float = 10.0,
        margin: float = 0.1,
        margin_type: str = "arc",
        loss_id: dict = dict(type="mmvareid.ALSRLoss"),
        loss_view: dict | None = dict(type="mmvareid.VALSRLoss"),
        loss_center: dict | None = dict(type="mmvareid.CenterRegularization", loss_weight=0.1),
        loss_triplet: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(in_channels, num_classes, loss_id, loss_triplet, init_cfg)
        if margin_type not in MARGIN_TYPES:
            raise ValueError(f"margin_type has to be one of {MARGIN_TYPES}, but got {margin_type}")
        if scale <= 0:
            raise ValueError(f"scale has to be above 0, but got {scale}")
        if not 0 <= margin < math.pi / 2:
            raise ValueError(f"margin has to be in [0, pi/2), but got {margin}")
        if num_views < 1:
            raise ValueError(f"num_views has to be at least 1, but got {num_views}")
        self.num_views = num_views
        self._warned = False
        self.scale, self.margin, self.margin_type = scale, margin, margin_type
        self.loss_view = MODELS.build(loss_view) if loss_view else None
        self.loss_center = MODELS.build(loss_center) if loss_center else None
        if self.loss_view is not None or self.loss_center is not None:
            self.view_weight = nn.Parameter(  # U (K, V, D)
                torch.empty(num_classes, num_views, in_channels)
            )
            nn.init.normal_(self.view_weight, std=0.01)

    def identity_losses(
        self, x: Tensor, labels: Tensor, data_samples: list[DataSample]
    ) -> dict[str, Tensor]:
        """Return L_y, L_v and β·L_R, apart, of descriptors x (B, D), float32."""
        x = F.normalize(x, dim=1)
        losses = {"loss_id": self.loss_id(self.identity_logits(x, labels), labels)}
        if self.loss_view is not None:
            views = self._viewpoints(data_samples).to(x.device)  # (B,) or (B, V)
            losses["loss_view"] = self.loss_view(self.view_logits(x, labels, views), labels, views)
        if self.loss_center is not None:
            losses["loss_center"] = self.loss_center(self.weight, self.view_weight)
        return losses

    def identity_logits(self, x: Tensor, labels: Tensor) -> Tensor:
        """Return the logits (B, K) of Eq. 3 of unit x (B, D), with the margin at labels (B,)."""
        return self._logits(x, self.weight, labels, self.margin)

    def view_logits(self, x: Tensor, labels: Tensor, views: Tensor) -> Tensor:
        """Return the logits (B, K, V) of Eq. 4 of unit x (B, D).

        The margin is at labels (B,) and views, which are labels (B,), without margin where -1, or
        weights (B, V), with the margin times the weight at each.
        """
        margins = self.margin * viewpoint_weights(views, self.num_views)  # (B, V)
        targets = labels[:, None] * self.num_views + torch.arange(self.num_views).to(labels)
        logits = self._logits(x, self.view_weight.flatten(0, 1), targets, margins)  # (B, K·V)
        return logits.unflatten(1, (-1, self.num_views))

    def _logits(
        self, x: Tensor, centers: Tensor, targets: Tensor, margin: float | Tensor
    ) -> Tensor:
        """Return margin logits (B, C) of unit x (B, D) against centres (C, D)."""
        cosine = F.linear(x, F.normalize(centers, dim=1))
        return margin_logits(cosine, targets, self.scale, margin, self.margin_type)

    def _viewpoints(self, data_samples: list[DataSample]) -> Tensor:
        """Return viewpoints (B,), -1 where a sample has none, or weights (B, V) if they have."""
        views = torch.tensor([int(sample.get("viewpoint", -1)) for sample in data_samples])
        if any("viewpoint_weights" in sample for sample in data_samples):
            hard = viewpoint_weights(views, self.num_views)  # of samples without weights
            rows = [
                torch.as_tensor(sample.get("viewpoint_weights", row))
                for sample, row in zip(data_samples, hard, strict=True)
            ]
            return torch.stack(rows).float()
        if not self._warned and not any("viewpoint" in sample for sample in data_samples):
            self._warned = True
            print_log(
                "No sample of the batch carries a viewpoint, so loss_view is 0. Add 'viewpoint' "
                "to algorithm_keys of PackInputs, or set loss_view=None.",
                logger="current",
                level=logging.WARNING,
            )
        return views


def find_va_head(model: nn.Module) -> VAHead | None:
    """Return the first VAHead within a model, however wrapped or joined, or None."""
    return next((module for module in model.modules() if isinstance(module, VAHead)), None)
