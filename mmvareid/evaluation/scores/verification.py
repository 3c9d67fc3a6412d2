"""Verification: are two images of one person? Rates at thresholds, over all pairs."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from mmvareid.evaluation.ranking.similarity import similarity_blocks
from mmvareid.evaluation.table import Descriptors


@torch.no_grad()
def verification_rates(
    table: Descriptors, rates: Sequence[float] = (1e-4, 1e-3, 1e-2), memory_mb: float = 64
) -> dict[str, float]:
    """Return the share of positive pairs that are accepted where few negative ones are.

    A pair is a query and a gallery image, positive if they show one person; pairs of one person and
    camera take no part, nor does person -1. Similarity is the cosine. The threshold of a rate is
    the highest similarity at which more than that share of the negative pairs would be accepted, so
    only pairs above it are.

    Besides a block of similarities it holds the largest negatives, as many as the largest rate
    allows (a hundredth of the Q x G pairs), and the positives: exact, and 38 MB for MSMT17.

    Args:
        table (Descriptors): The test set.
        rates (Sequence[float]): False positive rates (FPR), each in (0, 1).
        memory_mb (float): What a block of similarities may take, in MiB.

    Returns:
        dict[str, float]: 'TPR@FPR=0.0001' and so on, in percent.

    Raises:
        ValueError: A rate is out of range, or there are no positive or no negative pairs.
    """
    if not rates or not all(0 < rate < 1 for rate in rates):
        raise ValueError(f"rates has to hold values between 0 and 1, but got {tuple(rates)}")
    counted = table.persons != -1
    query_index = np.flatnonzero(table.is_query & counted)
    gallery_index = np.flatnonzero(~table.is_query & counted)
    if not len(query_index) or not len(gallery_index):
        raise ValueError("queries and gallery have to show somebody, but one of them is all junk")
    query, query_ids, query_cams = table.select(query_index)
    gallery, gallery_ids, gallery_cams = table.select(gallery_index)
    same = _same_pairs(query_ids, gallery_ids)
    total = len(query) * len(gallery) - same
    if total == 0:
        raise ValueError("there has to be a pair of two persons, but all images are of one")
    allowed = {rate: int(rate * total + 1e-6) for rate in rates}  # 0.01 * 2900 is 28.99...
    kept = max(allowed.values()) + 1

    ids, cams = torch.as_tensor(gallery_ids), torch.as_tensor(gallery_cams)
    positives: list[Tensor] = []
    largest = torch.empty(0)
    lengths = query.to(torch.promote_types(query.dtype, torch.float32)).norm(dim=1)
    for start, block in similarity_blocks(query, gallery, "cosine", memory_mb):
        part = slice(start, start + len(block))
        block /= lengths[part, None].to(block)
        match = torch.as_tensor(query_ids[part])[:, None] == ids
        across = match & (torch.as_tensor(query_cams[part])[:, None] != cams)
        positives.append(block[across.to(block.device)].cpu())
        negatives = block.masked_fill(match.to(block.device), -torch.inf).flatten().cpu()
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
    return {
        f"TPR@FPR={rate:g}": 100 * (accepted > largest[number]).double().mean().item()
        for rate, number in allowed.items()
    }


def _same_pairs(query_ids: np.ndarray, gallery_ids: np.ndarray) -> int:
    people, counts = np.unique(gallery_ids, return_counts=True)
    place = np.searchsorted(people, query_ids).clip(max=len(people) - 1)
    return int(counts[place][people[place] == query_ids].sum())
