"""Some of the identities at a time, for heads of very many."""

import torch
from torch import Tensor


def sample_identities(labels: Tensor, num_classes: int, ratio: float) -> tuple[Tensor, Tensor]:
    """Draw the identities of the batch and random others; Partial FC, An et al. 2022.

    Args:
        labels (Tensor): Identity labels, (B,), in [0, K).
        num_classes (int): K.
        ratio (float): Share of the identities to draw, in (0, 1]. All of the batch are among them,
            so that it may be more.

    Returns:
        tuple[Tensor, Tensor]: The drawn identities (S,), ascending, and the labels (B,) as places
        among them.
    """
    rank = torch.rand(num_classes, device=labels.device).index_fill_(0, labels, 2)  # above others
    # As if the batch were of as many people as images: a GPU would have to be asked for less.
    size = min(num_classes, max(len(labels), 2, round(ratio * num_classes)))
    drawn = rank.topk(size).indices.sort().values
    return drawn, torch.searchsorted(drawn, labels)
