"""CUHK03's first protocol: one gallery image of each person, drawn again and again."""

import numpy as np

from mmvareid.evaluation.table import Descriptors, rank_between

from .protocols import one_of_each


def single_shot_scores(
    table: Descriptors,
    topk: tuple[int, ...] = (1, 5, 10),
    draws: int = 10,
    seed: int = 0,
    metric: str = "cosine",
) -> dict[str, float]:
    """Cumulative matching with a single gallery shot (Li et al. 2014), mean over draws.

    In each draw, and for the queries of each camera, the gallery holds one image of each person
    from the other cameras, at random. Queries whose person no other camera shows take no part. It
    is the way of drawing that is CUHK03's first, whatever the split into training and test.

    Args:
        table (Descriptors): The test set.
        topk (tuple[int, ...]): Ranks k.
        draws (int): Galleries drawn for each camera. Defaults to 10.
        seed (int): Of the draws.
        metric (str): 'cosine' or 'euclidean'.

    Returns:
        dict[str, float]: 'Rank-k' in percent.

    Raises:
        ValueError: ``draws`` is below 1, or no query has a match in another camera.
    """
    if draws < 1:
        raise ValueError(f"draws has to be at least 1, but got {draws}")
    rng = np.random.default_rng(seed)
    counted = table.persons != -1
    first_hits = [np.empty(0, dtype=np.int64)]
    for camera in np.unique(table.cameras[table.is_query]):
        here = table.cameras == camera
        gallery = np.flatnonzero(~table.is_query & counted & ~here)
        query = table.is_query & here & np.isin(table.persons, table.persons[gallery])
        if not query.any():
            continue
        for _ in range(draws):
            drawn = np.sort(one_of_each(gallery, table.persons, rng))
            ranking = rank_between(table, np.flatnonzero(query & counted), drawn, metric=metric)
            first_hits.append(ranking.first_hit)
    hits = np.concatenate(first_hits)
    if not len(hits):
        raise ValueError("single_shot has to have a query whose person another camera shows")
    return {f"Rank-{k}": 100 * float((hits < k).mean()) for k in topk}
