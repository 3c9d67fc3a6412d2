"""Label smoothing over identities: fixed (LSR) and adaptive (ALSR)."""

from typing import Any

from torch import Tensor

from mmvareid.models.labels import check_label_range
from mmvareid.registry import MODELS

from .batch_loss import BatchLoss, full_precision
from .log_prob_terms import log_prob_terms


def smoothed_cross_entropy(
    target: Tensor, total: Tensor, num_classes: int, epsilon: Tensor | float
) -> Tensor:
    r"""Cross entropy with targets that give :math:`1-\epsilon` to the label, the rest to others.

    .. math:: -(1-\epsilon)\log q_y - \frac{\epsilon}{K-1}\sum_{j \neq y} \log q_j

    Args:
        target (Tensor): Log-probability of each sample's label, (B,).
        total (Tensor): Sum of its log-probabilities, (B,).
        num_classes (int): K.
        epsilon (Tensor | float): Smoothing of each sample, (B,), or of all.

    Returns:
        Tensor: The loss of each sample, (B,).
    """
    return -(1 - epsilon) * target - epsilon / max(num_classes - 1, 1) * (total - target)


@MODELS.register_module()
class LSRLoss(BatchLoss):
    r"""Label smoothing regularization, Eq. 10 of VA-reID.

    The label's target is :math:`1-\epsilon` and each other identity's :math:`\epsilon/(K-1)`;
    ``epsilon=0`` is cross entropy.

    Args:
        epsilon (float): Share of the target that goes to the other identities. Defaults to 0.1.
        loss_weight, reduction: See :class:`.BatchLoss`.
    """

    def __init__(
        self, epsilon: float = 0.1, loss_weight: float = 1.0, reduction: str = "mean"
    ) -> None:
        super().__init__(loss_weight, reduction)
        if not 0 <= epsilon < 1:
            raise ValueError(f"epsilon has to be in [0, 1), but got {epsilon}")
        self.epsilon = epsilon

    def forward(self, logits: Tensor, labels: Tensor, **options: Any) -> Tensor:
        """Return the loss, a scalar by default, of logits (B, K) and labels (B,).

        Options are those of :meth:`.BatchLoss.reduce`.
        """
        labels = check_label_range(labels, logits.shape[1], "identity labels")
        target, total = log_prob_terms(full_precision(logits), labels[:, None])
        loss = smoothed_cross_entropy(target.squeeze(1), total, logits.shape[1], self.epsilon)
        return self.reduce(loss, **options)


@MODELS.register_module()
class ALSRLoss(BatchLoss):
    r"""Adaptive label smoothing regularization, Eq. 5 with the targets of Eq. 11 of VA-reID.

    As LSR with a smoothing of each sample's own, :math:`\epsilon = \alpha(1 - q_y)`: a sample that
    the network is unsure of trusts its label less. Eq. 11 prints :math:`q_j`, with which a row
    does not sum to 1; it is read as :math:`q_y`. Targets carry no gradient. ``alpha=0`` is cross
    entropy (Eq. 7).

    Args:
        alpha (float): Scale of the smoothing. Defaults to 0.2 (§4.2).
        loss_weight, reduction: See :class:`.BatchLoss`.
    """

    def __init__(
        self, alpha: float = 0.2, loss_weight: float = 1.0, reduction: str = "mean"
    ) -> None:
        super().__init__(loss_weight, reduction)
        if not 0 <= alpha <= 1:
            raise ValueError(f"alpha has to be in [0, 1], but got {alpha}")
        self.alpha = alpha

    def forward(self, logits: Tensor, labels: Tensor, **options: Any) -> Tensor:
        """Return the loss, a scalar by default, of logits (B, K) and labels (B,).

        Options are those of :meth:`.BatchLoss.reduce`.
        """
        labels = check_label_range(labels, logits.shape[1], "identity labels")
        target, total = log_prob_terms(full_precision(logits), labels[:, None])
        target = target.squeeze(1)
        epsilon = self.alpha * (1 - target.detach().exp())
        loss = smoothed_cross_entropy(target, total, logits.shape[1], epsilon)
        return self.reduce(loss, **options)
