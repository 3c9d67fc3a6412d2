"""The viewpoint-aware angular head."""

import logging
import math

import torch
import torch.nn.functional as F
from mmengine.logging import print_log
from mmpretrain.structures import DataSample
from torch import Tensor, nn

from mmvareid.models.cosine import cosines
from mmvareid.models.labels import check_label_range, view_shares
from mmvareid.registry import MODELS

from .angular_margin import MARGIN_TYPES, margin_logits
from .reid_head import ReIDHead
from .sampled_identities import sample_identities


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
        sample_ratio (float): Share of the identities, of W and U alike, that take part in a step,
            besides those of the batch; for 100,000 and more. Defaults to 1, all.
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
        sample_ratio: float = 1.0,
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
        if not 0 < sample_ratio <= 1:
            raise ValueError(f"sample_ratio has to be in (0, 1], but got {sample_ratio}")
        self.num_views, self.sample_ratio = num_views, sample_ratio
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
        weight: Tensor = self.weight
        view_weight: Tensor | None = getattr(self, "view_weight", None)
        if self.sample_ratio < 1:
            check_label_range(labels, self.num_classes, "identity labels")
            drawn, labels = sample_identities(labels, self.num_classes, self.sample_ratio)
            weight = weight[drawn]
            view_weight = None if view_weight is None else view_weight[drawn]
        losses = {"loss_id": self.loss_id(self.identity_logits(x, labels, weight), labels)}
        if self.loss_view is not None:
            views = self.viewpoints_of(data_samples)  # (B,) or (B, V)
            views = views.to(x.device, non_blocking=True)
            logits = self.view_logits(x, labels, views, view_weight)
            losses["loss_view"] = self.loss_view(logits, labels, views)
        if self.loss_center is not None:
            losses["loss_center"] = self.loss_center(weight, view_weight)
        return losses

    def identity_logits(self, x: Tensor, labels: Tensor, weight: Tensor | None = None) -> Tensor:
        """Return the logits (B, K) of Eq. 3 of unit x (B, D), with the margin at labels (B,).

        ``weight`` are centres instead of W, such as some of its rows.
        """
        weight = self.weight if weight is None else weight
        return self._logits(x, weight, labels, self.margin)

    def view_logits(
        self, x: Tensor, labels: Tensor, views: Tensor, view_weight: Tensor | None = None
    ) -> Tensor:
        """Return the logits (B, K, V) of Eq. 4 of unit x (B, D).

        ``view_weight`` are centres instead of U, such as some of its rows.
        The margin is at labels (B,) and views, which are labels (B,), without margin where -1, or
        weights (B, V), with the margin times the weight at each.
        """
        margins = self.margin * view_shares(views, self.num_views)  # (B, V)
        view = torch.arange(self.num_views, device=labels.device)
        targets = labels[:, None] * self.num_views + view  # (B, V)
        view_weight = self.view_weight if view_weight is None else view_weight
        logits = self._logits(x, view_weight.flatten(0, 1), targets, margins)  # (B, K·V)
        return logits.unflatten(1, (-1, self.num_views))

    def _logits(
        self, x: Tensor, centers: Tensor, targets: Tensor, margin: float | Tensor
    ) -> Tensor:
        """Return margin logits (B, C) of unit x (B, D) against centres (C, D)."""
        return margin_logits(cosines(x, centers), targets, self.scale, margin, self.margin_type)

    def viewpoints_of(self, data_samples: list[DataSample]) -> Tensor:
        """Return viewpoints (B,), -1 where a sample has none, or weights (B, V) if they have."""
        views = torch.tensor([viewpoint_of(sample) for sample in data_samples])
        if any("viewpoint_weights" in sample for sample in data_samples):
            hard = view_shares(views, self.num_views)  # of samples without weights
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


def viewpoint_of(sample: DataSample) -> int:
    """Return a sample's viewpoint, -1 where it has none.

    Raises:
        ValueError: It is no whole number, which soft viewpoints write as ``viewpoint_weights``.
    """
    viewpoint = sample.get("viewpoint", -1)
    if int(viewpoint) != viewpoint:
        raise ValueError(
            f"viewpoint of a sample has to be a whole number, but got {viewpoint}; a viewpoint "
            "between two is written as viewpoint_weights (V,)"
        )
    return int(viewpoint)


def find_va_head(model: nn.Module) -> VAHead | None:
    """Return the first VAHead within a model, however wrapped or joined, or None."""
    return next((module for module in model.modules() if isinstance(module, VAHead)), None)
