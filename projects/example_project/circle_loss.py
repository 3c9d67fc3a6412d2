"""Circle loss over identities."""

import torch.nn.functional as F
from torch import Tensor, nn

from mmvareid.registry import MODELS


@MODELS.register_module()
class CircleLoss(nn.Module):
    r"""Circle loss of cosines to class centres (Sun et al., CVPR 2020, Eq. 6 to 8).

    Cross entropy of logits with their own pace, which is slower the nearer a cosine is to where it
    has to be, 1 + m for the label's, -m for the others':

    .. math::
        z_y = \gamma\,[1 + m - s_y]_+ (s_y - 1 + m), \quad
        z_j = \gamma\,[s_j + m]_+ (s_j - m)

    The paces carry no gradient. It takes cosines as they are: ``VAHead(scale=1, margin=0)``.

    Args:
        gamma (float): Scale of the logits. Defaults to 64.
        margin (float): m, how far from its aim a cosine may stay. Defaults to 0.25.
    """

    def __init__(self, gamma: float = 64.0, margin: float = 0.25) -> None:
        super().__init__()
        if gamma <= 0:
            raise ValueError(f"gamma has to be above 0, but got {gamma}")
        self.gamma, self.margin = gamma, margin

    def forward(self, cosines: Tensor, labels: Tensor) -> Tensor:
        """Return the mean loss, a scalar, of cosines (B, K) and labels (B,)."""
        m, fixed = self.margin, cosines.detach()
        own = F.one_hot(labels, cosines.shape[1]).bool()  # (B, K)
        positive = (1 + m - fixed).clamp(min=0) * (cosines - 1 + m)
        negative = (fixed + m).clamp(min=0) * (cosines - m)
        return F.cross_entropy(self.gamma * positive.where(own, negative), labels)
