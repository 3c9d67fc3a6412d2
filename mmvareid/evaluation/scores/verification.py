"""Verification: are two images of one person? Rates at thresholds, over all pairs."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from mmvareid.evaluation.table import Descriptors

from .pair_similarities import ROUNDING, pair_blocks, sides


@torch.no_grad()
def verification_rates(
    table: Descriptors, rates: Sequence[float] = (1e-4, 1e-3, 1e-2), memory_mb: float = 64
) -> dict[str, float]:
    """Return the share of positive pairs that are accepted where few negative ones are.

    A pair is a query and a gallery image, positive if they show one person; pairs of one person and
    camera take no part, nor does person -1. Similarity is the cosine. The threshold of a rate is
    the highest similarity at which more than that share of the negative pairs would be accepted, so
    only pairs above it are. A tie counts against the query: what is above by less than a millionth,
    which is what rounding makes of equal pairs, is not.

    Besides a block of similarities it holds the largest negatives, as many as the largest rate
    allows (a hundredth of the Q x G pairs), and the positives: exact, and 38 MB for MSMT17.

    Args:
        table (Descriptors): The test set.
        rates (Sequence[float]): False positive rates (FPR), each in (0, 1).
        memory_mb (float): What a block of similarities may take, in MiB.

    Returns:
        dict[str, float]: 'TPR@FPR=0.0001' and so on, in percent, and 'threshold@FPR=0.0001' and so
        on, cosines above which pairs are accepted.

    Raises:
        ValueError: A rate is out of range, or there are no positive or no negative pairs.
    """
    if not rates or not all(0 < rate < 1 for rate in rates):
        raise ValueError(f"rates has to hold values between 0 and 1, but got {tuple(rates)}")
    query, gallery = sides(table)
    total = len(query.persons) * len(gallery.persons) - _same_pairs(query.persons, gallery.persons)
    if total == 0:
        raise ValueError("there has to be a pair of two persons, but all images are of one")
    allowed = {rate: int(rate * total + 1e-6) for rate in rates}  # 0.01 * 2900 is 28.99...
    kept = max(allowed.values()) + 1

    positives: list[Tensor] = []
    largest = torch.empty(0)
    for block, positive, negative in pair_blocks(query, gallery, memory_mb):
        positives.append(block[positive].cpu())
        negatives = block.masked_fill(~negative, -torch.inf).flatten().cpu()
        if len(largest) == kept:  # most are smaller than what is held
            negatives = negatives[negatives > largest[-1]]
        merged = torch.cat([largest.to(negatives), negatives])
        largest = merged.topk(min(kept, len(merged))).values  # sorted
    accepted = torch.cat(positives)
    if not len(accepted):
        raise ValueError(
            "there has to be a pair of one person in two cameras, but there is none; do queries "
            "and gallery number people alike?"
        )
    scores = {}
    for rate, number in allowed.items():
        # A pair of the same vectors as the negative one at the threshold is not above it.
        threshold = largest[number].item() + ROUNDING
        scores[f"TPR@FPR={rate:g}"] = 100 * (accepted > threshold).double().mean().item()
        scores[f"threshold@FPR={rate:g}"] = threshold
    return scores


def _same_pairs(query_ids: np.ndarray, gallery_ids: np.ndarray) -> int:
    people, counts = np.unique(gallery_ids, return_counts=True)
    place = np.searchsorted(people, query_ids).clip(max=len(people) - 1)
    return int(counts[place][people[place] == query_ids].sum())
