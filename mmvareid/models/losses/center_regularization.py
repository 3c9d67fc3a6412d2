"""Regularization that ties the viewpoint centres of an identity to its own centre."""

from torch import Tensor, nn

from mmvareid.models.cosine import pair_cosines
from mmvareid.registry import MODELS

REDUCTIONS = ("mean", "sum")


@MODELS.register_module()
class CenterRegularization(nn.Module):
    r"""Centre regularization L_R, Eq. 9 of VA-reID.

    .. math:: \sum_{k, v} (1 - \cos(W_k, U_{kv}))

    or its mean over the K·V pairs, in [0, 2]. Eq. 9 prints the sum of the cosines, which minimised
    would push the centres apart. The sum grows with the number of identities: β = 0.1 of it is
    β = 225 of the mean for the 751 identities of Market-1501 and three views.

    Args:
        loss_weight (float): β of Eq. 1. Defaults to 1.0.
        reduction (str): ``'mean'`` or ``'sum'``, over the identities that take part in the step.
            Defaults to ``'mean'``.
    """

    def __init__(self, loss_weight: float = 1.0, reduction: str = "mean") -> None:
        super().__init__()
        if reduction not in REDUCTIONS:
            raise ValueError(f"reduction has to be one of {REDUCTIONS}, but got {reduction!r}")
        self.loss_weight, self.reduction = loss_weight, reduction

    def forward(self, identity_centers: Tensor, view_centers: Tensor) -> Tensor:
        """Return the weighted loss, a scalar, of W (K, D) and U (K, V, D)."""
        apart = 1 - pair_cosines(identity_centers, view_centers)  # (K, V)
        return self.loss_weight * (apart.mean() if self.reduction == "mean" else apart.sum())
