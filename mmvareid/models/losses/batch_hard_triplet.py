"""Triplet loss with the hardest pairs of the batch."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmvareid.registry import MODELS


@MODELS.register_module()
class BatchHardTriplet(nn.Module):
    """Batch-hard triplet loss of Hermans et al. 2017, arXiv:1703.07737, Eq. 5.

    Each sample is compared with its farthest positive and its nearest negative by Euclidean
    distance. A sample that lacks one of them is left out. No row of VA-reID's tables uses it.

    Args:
        margin (float | None): Margin of the hinge; None takes the soft margin,
            ``log(1 + exp(d_p - d_n))``. Defaults to 0.3.
    """

    def __init__(self, margin: float | None = 0.3) -> None:
        super().__init__()
        self.margin = margin

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """Return the mean loss, a scalar, of features (B, D) and labels (B,)."""
        gram = features @ features.T
        squared = gram.diagonal()[:, None] + gram.diagonal()[None, :] - 2 * gram
        distance = squared.clamp(min=1e-12).sqrt()  # (B, B); sqrt has no gradient at 0
        same = labels[:, None] == labels[None, :]
        positive = same & ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)
        farthest = distance.masked_fill(~positive, -torch.inf).amax(dim=1)
        nearest = distance.masked_fill(same, torch.inf).amin(dim=1)
        whole = positive.any(dim=1) & ~same.all(dim=1)
        gap = (farthest - nearest)[whole]
        loss = F.softplus(gap) if self.margin is None else F.relu(gap + self.margin)
        return loss.sum() / whole.sum().clamp(min=1)
