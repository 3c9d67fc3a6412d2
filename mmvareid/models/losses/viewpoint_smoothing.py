"""Viewpoint-aware adaptive label smoothing (VALSR)."""

import torch
from torch import Tensor, nn

from mmvareid.registry import MODELS

from .label_range import check_label_range


@MODELS.register_module()
class VALSRLoss(nn.Module):
    r"""Viewpoint-aware adaptive label smoothing, Eq. 6 with the targets of Eq. 12 of VA-reID.

    One softmax over all K·V pairs of identity and viewpoint gives :math:`r(j, k)`. Other views of
    the same identity share :math:`\epsilon_2 = \alpha(1 - r(y, v))`, other identities share the
    smaller :math:`\epsilon_1 = \alpha(1 - \sum_k r(y, k))`, and the pair itself keeps the rest.
    (Eq. 12 divides by K - 3, with which a row does not sum to 1; there are V(K - 1) such pairs.)

    A row of targets holds three distinct values, so three sums of log-probabilities do it, and
    the (B, K·V) matrix of targets is never built:

    .. math::
        -(1-\epsilon_1-\epsilon_2)\,\ell_{yv} - \frac{\epsilon_2}{V-1}(S_y - \ell_{yv})
        - \frac{\epsilon_1}{V(K-1)}(S - S_y)

    where :math:`\ell = \log r`, :math:`S_y` sums it over the views of y and :math:`S` over all.
    Targets carry no gradient. ``alpha=0`` gives hard labels (Eq. 8), V = 1 is ALSR.

    Args:
        alpha (float): Scale of both smoothings. Defaults to 0.2 (§4.2).
    """

    def __init__(self, alpha: float = 0.2) -> None:
        super().__init__()
        # epsilon_1 + epsilon_2 may reach 2 alpha, and the label has to keep the largest share.
        if not 0 <= alpha <= 0.5:
            raise ValueError(f"alpha has to be in [0, 0.5], but got {alpha}")
        self.alpha = alpha

    def forward(self, logits: Tensor, labels: Tensor, viewpoints: Tensor) -> Tensor:
        """Return the mean loss over the samples whose viewpoint is known.

        Args:
            logits (Tensor): (B, K, V).
            labels (Tensor): Identity labels, (B,), in [0, K).
            viewpoints (Tensor): Viewpoint labels, (B,), in [0, V), or -1 where unknown.

        Returns:
            Tensor: A scalar; 0 with a live graph if no viewpoint is known.
        """
        _, num_ids, num_views = logits.shape
        check_label_range(labels, num_ids, "identity labels")
        check_label_range(viewpoints, num_views, "viewpoint labels", lowest=-1)
        known = viewpoints >= 0  # (B,)
        log_prob = logits.flatten(1).log_softmax(dim=1).view_as(logits)  # (B, K, V)
        views = log_prob.take_along_dim(labels[:, None, None], dim=1).squeeze(1)  # (B, V)
        target = views.gather(1, viewpoints.clamp(min=0)[:, None]).squeeze(1)  # (B,)
        with torch.no_grad():
            epsilon_2 = self.alpha * (1 - target.exp()) * (num_views > 1)
            epsilon_1 = self.alpha * (1 - views.exp().sum(dim=1)).clamp(min=0) * (num_ids > 1)
        own = views.sum(dim=1)  # (B,) S_y
        loss = -(
            (1 - epsilon_1 - epsilon_2) * target
            + epsilon_2 / max(num_views - 1, 1) * (own - target)
            + epsilon_1 / max(num_views * (num_ids - 1), 1) * (log_prob.sum(dim=(1, 2)) - own)
        )
        return (loss * known).sum() / known.sum().clamp(min=1)
