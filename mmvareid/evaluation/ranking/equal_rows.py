"""Rows of a matrix that equal another row to the bit."""

import torch
from torch import Tensor

_ROWS = 4096  # looked at together


def equal_rows(features: Tensor) -> tuple[Tensor, Tensor]:
    """Find the rows of features (N, D), float32 or float64, that equal an earlier one.

    Returns:
        tuple[Tensor, Tensor]: Their places (C,), and the place of the first such row of each.
    """
    # A sum of all bits with odd random weights, modulo 2^64: equal rows have equal keys, others
    # hardly ever.
    generator = torch.Generator().manual_seed(0)
    words = features.shape[1] * features.itemsize // 4
    weights = torch.randint(-(2**62), 2**62, (words,), generator=generator) * 2 + 1
    weights = weights.to(features.device)
    keys = torch.cat([(_words(part) * weights).sum(dim=1) for part in features.split(_ROWS)])
    keys, order = keys.sort(stable=True)
    starts = torch.searchsorted(keys, keys)  # where the run of a key starts
    first = order[starts]
    later = order != first
    copies, first = order[later], first[later]
    same = [
        (features[one] == features[other]).all(dim=1)
        for one, other in zip(copies.split(_ROWS), first.split(_ROWS), strict=True)
    ]
    kept = torch.cat(same)
    return copies[kept], first[kept]


def _words(features: Tensor) -> Tensor:
    """Bits in words, (N, W) int32; of round numbers only the upper ones are set, so mix them."""
    bits = (features + 0.0).view(torch.int32)  # -0.0 equals 0.0, but for its bits
    return bits ^ (bits >> 15)
