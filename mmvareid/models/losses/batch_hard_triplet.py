"""Triplet loss with the hardest pairs of the batch."""

import torch
import torch.nn.functional as F
from mmengine.dist import all_gather, all_reduce, get_dist_info
from torch import Tensor, nn
from torch.distributed.nn.functional import all_gather as all_gather_with_gradient

from mmvareid.registry import MODELS


@MODELS.register_module()
class BatchHardTriplet(nn.Module):
    """Batch-hard triplet loss of Hermans et al. 2017, arXiv:1703.07737, Eq. 5.

    Each sample is compared with its farthest positive and its nearest negative by Euclidean
    distance. A sample that lacks one of them is left out. No row of VA-reID's tables uses it.

    Args:
        margin (float | None): Margin of the hinge; None takes the soft margin,
            ``log(1 + exp(d_p - d_n))``. Defaults to 0.3.
        across_ranks (bool): Whether to look for the hardest pairs in the batches of all processes,
            which have to be of one size. Gradients reach every process, and their mean over
            processes is that of one with all batches. Defaults to False.
    """

    def __init__(self, margin: float | None = 0.3, across_ranks: bool = False) -> None:
        super().__init__()
        self.margin, self.across_ranks = margin, across_ranks

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """Return the mean loss, a scalar, of features (B, D) and labels (B,)."""
        rank, world_size = get_dist_info()
        others, other_labels, first = features, labels, 0
        if self.across_ranks and world_size > 1:
            others = torch.cat(all_gather_with_gradient(features))
            other_labels, first = torch.cat(all_gather(labels)), rank * len(labels)
        squared = (
            features.square().sum(dim=1)[:, None]
            + others.square().sum(dim=1)[None, :]
            - 2 * features @ others.T
        )
        distance = squared.clamp(min=1e-12).sqrt()  # (B, B of all); sqrt has no gradient at 0
        same = labels[:, None] == other_labels[None, :]
        own = torch.arange(len(labels), device=labels.device)
        positive = same.clone()
        positive[own, first + own] = False
        farthest = distance.masked_fill(~positive, -torch.inf).amax(dim=1)
        nearest = distance.masked_fill(same, torch.inf).amin(dim=1)
        whole = positive.any(dim=1) & ~same.all(dim=1)
        # No rows are taken out: on a GPU their number would have to be waited for.
        gap = farthest.masked_fill(~whole, 0) - nearest.masked_fill(~whole, 0)
        loss = F.softplus(gap) if self.margin is None else F.relu(gap + self.margin)
        loss = loss.masked_fill(~whole, 0)
        counted = whole.sum().float()
        if self.across_ranks:
            all_reduce(counted, "mean")
        return loss.sum() / counted.clamp(min=1 / world_size)
