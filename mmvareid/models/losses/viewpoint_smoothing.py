"""Viewpoint-aware adaptive label smoothing (VALSR)."""

from typing import Any

import torch
from torch import Tensor

from mmvareid.models.labels import check_label_range, view_shares
from mmvareid.registry import MODELS

from .batch_loss import BatchLoss, full_precision
from .pair_log_probs import NEGATIVES, log_probs, pair_log_probs


@MODELS.register_module()
class VALSRLoss(BatchLoss):
    r"""Viewpoint-aware adaptive label smoothing, Eq. 6 with the targets of Eq. 12 of VA-reID.

    :math:`r(j, k)` is the probability of identity j seen from viewpoint k against its negatives
    (Eq. 4). Other views of the same identity share :math:`\epsilon_2 = \alpha(1 - r(y, v))`, other
    identities share the smaller :math:`\epsilon_1 = \alpha(1 - \sum_k r(y, k))`, never below 0, and
    the pair itself keeps the rest. (Eq. 12 divides by K - 3, with which a row does not sum to 1;
    there are V(K - 1) such pairs.)

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
    still sum to 1.

    Args:
        alpha (float): Scale of both smoothings. Defaults to 0.2 (§4.2).
        negatives (str): The reading of Eq. 4: in ``'other_identities'`` no view of a person is
            a negative of another; ``'all'`` is one softmax over all pairs, in which it is;
            ``'other_identities_and_views'`` is the sum exactly as printed, in which the same view
            of a look-alike is no negative. docs/results.md compares them. Defaults to
            ``'other_identities'``.
        loss_weight, reduction: See :class:`.BatchLoss`.
    """

    def __init__(
        self,
        alpha: float = 0.2,
        negatives: str = "other_identities",
        loss_weight: float = 1.0,
        reduction: str = "mean",
    ) -> None:
        super().__init__(loss_weight, reduction)
        # The label keeps 1 - epsilon_1 - epsilon_2, and both may reach alpha.
        if not 0 <= alpha <= 0.5:
            raise ValueError(f"alpha has to be in [0, 0.5], but got {alpha}")
        if negatives not in NEGATIVES:
            raise ValueError(f"negatives has to be one of {NEGATIVES}, but got {negatives!r}")
        self.alpha, self.negatives = alpha, negatives

    def forward(self, logits: Tensor, labels: Tensor, viewpoints: Tensor, **options: Any) -> Tensor:
        """Return the loss, by default its mean over the samples whose viewpoint is known.

        Args:
            logits (Tensor): (B, K, V).
            labels (Tensor): Identity labels, (B,), in [0, K).
            viewpoints (Tensor): Viewpoint labels, (B,), in [0, V), or -1 where unknown; or weights
                of the viewpoints, (B, V), whose rows sum to 1, or to 0 where unknown.
            **options: Those of :meth:`.BatchLoss.reduce`.

        Returns:
            Tensor: A scalar; 0 with a live graph if no viewpoint is known.
        """
        _, num_ids, num_views = logits.shape
        labels = check_label_range(labels, num_ids, "identity labels")
        shares = view_shares(viewpoints, num_views)  # (B, V)
        known = shares.sum(dim=1) > 0  # (B,)
        views, others = pair_log_probs(
            full_precision(logits), labels, self.negatives
        )  # (B, V), (B,)
        target = (views * shares).sum(dim=1)  # (B,)
        epsilon_1, epsilon_2 = self._smoothing(views, shares, num_ids)
        loss = -(
            (1 - epsilon_1 - epsilon_2) * target
            + epsilon_2 / max(num_views - 1, 1) * (views.sum(dim=1) - target)
            + epsilon_1 / max(num_views * (num_ids - 1), 1) * others
        )
        return self.reduce(loss, known, **options)

    @torch.no_grad()
    def soft_labels(
        self, logits: Tensor, labels: Tensor, viewpoints: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return r and its targets, (B, K, V) each, in full: for pictures and tests.

        Arguments are those of :meth:`forward`, with every viewpoint known.
        """
        num_samples, num_ids, num_views = logits.shape
        shares = view_shares(viewpoints, num_views)
        every = log_probs(full_precision(logits), self.negatives)
        rows = torch.arange(num_samples, device=logits.device)
        epsilon_1, epsilon_2 = self._smoothing(every[rows, labels], shares, num_ids)
        targets = (epsilon_1 / max(num_views * (num_ids - 1), 1))[:, None, None]
        targets = targets.expand_as(every).clone()
        targets[rows, labels] = (1 - epsilon_1 - epsilon_2)[:, None] * shares + (
            epsilon_2 / max(num_views - 1, 1)
        )[:, None] * (1 - shares)
        return every.exp(), targets

    @torch.no_grad()
    def _smoothing(self, views: Tensor, shares: Tensor, num_ids: int) -> tuple[Tensor, Tensor]:
        """Return the two smoothings, (B,) each, from log r (B, V) of the views of each label."""
        r = views.exp()
        epsilon_2 = self.alpha * (1 - r.minimum(shares).sum(dim=1)) * (shares.shape[1] > 1)
        epsilon_1 = self.alpha * (1 - r.sum(dim=1)).clamp(min=0) * (num_ids > 1)
        return epsilon_1, epsilon_2
