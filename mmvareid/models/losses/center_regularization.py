"""Regularization that ties the viewpoint centres of an identity to its own centre."""

from torch import Tensor, nn

from mmvareid.models.cosine import pair_cosines
from mmvareid.registry import MODELS


@MODELS.register_module()
class CenterRegularization(nn.Module):
    r"""Centre regularization L_R, Eq. 9 of VA-reID.

    .. math:: \frac{1}{KV} \sum_{k, v} (1 - \cos(W_k, U_{kv})) \in [0, 2]

    Eq. 9 prints the sum of the cosines, which minimised would push the centres apart.

    Args:
        loss_weight (float): β of Eq. 1. Defaults to 1.0.
    """

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, identity_centers: Tensor, view_centers: Tensor) -> Tensor:
        """Return the weighted loss, a scalar, of W (K, D) and U (K, V, D)."""
        return self.loss_weight * (1 - pair_cosines(identity_centers, view_centers)).mean()
