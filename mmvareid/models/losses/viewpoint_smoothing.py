"""Viewpoint-aware adaptive label smoothing (VALSR)."""

import torch
from torch import Tensor, nn

from mmvareid.registry import MODELS

from .label_range import can_look, check_label_range
from .log_prob_terms import log_prob_terms


def viewpoint_weights(viewpoints: Tensor, num_views: int) -> Tensor:
    """Weights (B, V) of viewpoints that are labels (B,), -1 where unknown, or weights already.

    A row of weights sums to 1, or is 0 where the viewpoint is unknown.

    Raises:
        ValueError: Labels or weights do not fit V. Only what is on the CPU is looked at.
    """
    if not viewpoints.is_floating_point():
        check_label_range(viewpoints, num_views, "viewpoint labels", lowest=-1)
        view = torch.arange(num_views, device=viewpoints.device)
        return (viewpoints[:, None] == view).float()  # none where -1
    if viewpoints.ndim != 2 or viewpoints.shape[1] != num_views:
        raise ValueError(
            f"viewpoint weights have to be of shape (B, {num_views}), but got "
            f"{tuple(viewpoints.shape)}; does the head's num_views fit the dataset?"
        )
    if can_look(viewpoints):
        sums = viewpoints.sum(dim=1)
        good = (sums - 1).abs().minimum(sums.abs()) <= 1e-3  # not of NaN
        if (viewpoints < 0).any() or not good.all():
            raise ValueError(
                "viewpoint weights have to be 0 or more and sum to 1, or to 0 where unknown, but "
                f"got sums from {sums.min():g} to {sums.max():g}"
            )
    return viewpoints


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

    A viewpoint may be several at once, with weights :math:`w_k` that sum to 1 (Assumption 2: it is
    a continuous value). Then :math:`\ell_{yv}` is :math:`\sum_k w_k \ell_{yk}` and
    :math:`r(y, v)` is :math:`\sum_k \min(w_k, r(y, k))`, what the two have in common; the targets
    still sum to 1, and are :math:`w` once :math:`r` is.

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
            viewpoints (Tensor): Viewpoint labels, (B,), in [0, V), or -1 where unknown; or weights
                of the viewpoints, (B, V), whose rows sum to 1, or to 0 where unknown.

        Returns:
            Tensor: A scalar; 0 with a live graph if no viewpoint is known.
        """
        _, num_ids, num_views = logits.shape
        check_label_range(labels, num_ids, "identity labels")
        weights = viewpoint_weights(viewpoints, num_views)  # (B, V)
        known = weights.sum(dim=1) > 0  # (B,)
        view = torch.arange(num_views, device=labels.device)
        own_classes = labels[:, None] * num_views + view  # (B, V)
        views, total = log_prob_terms(logits.flatten(1), own_classes)  # (B, V), (B,)
        target = (views * weights).sum(dim=1)  # (B,)
        with torch.no_grad():
            shared = views.exp().minimum(weights).sum(dim=1)
            epsilon_2 = self.alpha * (1 - shared) * (num_views > 1)
            epsilon_1 = self.alpha * (1 - views.exp().sum(dim=1)).clamp(min=0) * (num_ids > 1)
        own = views.sum(dim=1)  # (B,) S_y
        loss = -(
            (1 - epsilon_1 - epsilon_2) * target
            + epsilon_2 / max(num_views - 1, 1) * (own - target)
            + epsilon_1 / max(num_views * (num_ids - 1), 1) * (total - own)
        )
        return (loss * known).sum() / known.sum().clamp(min=1)
