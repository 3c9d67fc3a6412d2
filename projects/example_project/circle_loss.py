"""Circle loss, as an example of a loss that is not in the package."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmvareid.registry import MODELS


@MODELS.register_module()
class CircleLoss(nn.Module):
    r"""Circle loss on pairs of a batch; Sun et al. 2020, arXiv:2002.10857, Eq. 6.

    Takes the place of ``loss_triplet`` in a head. With :math:`s_p, s_n` the cosines of a sample's
    positives and negatives, :math:`\alpha_p = [1 + m - s_p]_+` and :math:`\alpha_n = [s_n + m]_+`:

    .. math::
        \log\Bigl(1 + \sum_n e^{\gamma \alpha_n (s_n - m)}
        \sum_p e^{-\gamma \alpha_p (s_p - 1 + m)}\Bigr)

    Args:
        margin (float): m. Defaults to 0.25.
        scale (float): gamma. Defaults to 64.
    """

    def __init__(self, margin: float = 0.25, scale: float = 64.0) -> None:
        super().__init__()
        self.margin, self.scale = margin, scale

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """Return the mean over samples that have a positive and a negative, a scalar.

        Args:
            features (Tensor): Descriptors (B, D).
            labels (Tensor): Identities (B,).
        """
        unit = F.normalize(features, dim=1)
        cosine = unit @ unit.T  # (B, B)
        same = labels[:, None] == labels[None, :]
        positive = same & ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)
        pull = (1 + self.margin - cosine).detach().clamp(min=0) * (1 - self.margin - cosine)
        push = (cosine + self.margin).detach().clamp(min=0) * (cosine - self.margin)
        pulled = (self.scale * pull).masked_fill(~positive, -torch.inf).logsumexp(dim=1)
        pushed = (self.scale * push).masked_fill(same, -torch.inf).logsumexp(dim=1)
        whole = positive.any(dim=1) & ~same.all(dim=1)
        return F.softplus(pulled + pushed)[whole].sum() / whole.sum().clamp(min=1)
