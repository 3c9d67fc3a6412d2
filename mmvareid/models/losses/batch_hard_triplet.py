"""Triplet loss with the hardest pairs of the batch."""

from typing import Any

import torch
import torch.nn.functional as F
from mmengine.dist import all_gather, all_reduce, get_dist_info
from torch import Tensor
from torch.distributed.nn.functional import all_gather as all_gather_with_gradient

from mmvareid.registry import MODELS

from .batch_loss import BatchLoss


@MODELS.register_module()
class BatchHardTriplet(BatchLoss):
    """Batch-hard triplet loss of Hermans et al. 2017, arXiv:1703.07737, Eq. 5.

    Each sample is compared with its farthest positive and its nearest negative by Euclidean
    distance. A sample that lacks one of them is left out. No row of VA-reID's tables uses it.

    Args:
        margin (float | None): Margin of the hinge; None takes the soft margin,
            ``log(1 + exp(d_p - d_n))``. Defaults to 0.3.
        across_ranks (bool): Whether to look for the hardest pairs in the batches of all processes,
            which have to be of one size. Gradients reach every process, and their mean over
            processes is that of one with all batches. Defaults to False.
        loss_weight, reduction: See :class:`.BatchLoss`.
    """

    def __init__(
        self,
        margin: float | None = 0.3,
        across_ranks: bool = False,
        loss_weight: float = 1.0,
        reduction: str = "mean",
    ) -> None:
        super().__init__(loss_weight, reduction)
        self.margin, self.across_ranks = margin, across_ranks

    def forward(self, features: Tensor, labels: Tensor, **options: Any) -> Tensor:
        """Return the loss, a scalar by default, of features (B, D) and labels (B,).

        Options are those of :meth:`.BatchLoss.reduce`.
        """
        if len(features) == 0:
            return self.reduce(features.sum(dim=1), **options)
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
        gap = torch.where(whole, farthest - nearest, 0)
        loss = F.softplus(gap) if self.margin is None else F.relu(gap + self.margin)
        mean = (options.get("reduction_override") or self.reduction) == "mean"
        if self.across_ranks and mean and options.get("avg_factor") is None:
            counted = whole.sum().float()
            all_reduce(counted, "mean")
            options["avg_factor"] = counted.clamp(min=1 / world_size)
        return self.reduce(loss, whole, **options)
