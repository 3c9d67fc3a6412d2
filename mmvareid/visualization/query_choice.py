"""Which queries to look at."""

from collections.abc import Sequence

import numpy as np

from mmvareid.datasets.infos import queries_with_match

CHOICES = ("random", "worst", "best", "differ")


def choose_queries(
    infos: Sequence[dict],
    number: int,
    how: str = "random",
    aps: Sequence[np.ndarray] = (),
    seed: int = 0,
) -> np.ndarray:
    """Choose among the queries that have a match in the gallery in another camera.

    Args:
        infos (Sequence[dict]): See :class:`mmvareid.apis.features.FeatureSet`.
        number (int): How many to choose; fewer where fewer have a match.
        how (str): 'random'; 'worst' or 'best', by the average precision of the first model; or
            'differ', those where the second model gains most over the first.
        aps (Sequence[np.ndarray]): Average precision of the Q queries, in the order of the infos,
            by one model or by two: ``rank(...).ap``. 'random' needs none.
        seed (int): Of the random choice, which also decides between equally good queries.

    Returns:
        np.ndarray: Indices among the infos, (number,).

    Raises:
        ValueError: ``how`` is unknown or lacks its average precisions, ``number`` is below 1, or
            no query has a match.
    """
    needed = dict(random=0, worst=1, best=1, differ=2)
    if how not in needed:
        raise ValueError(f"how has to be one of {CHOICES}, but got {how!r}")
    if len(aps) < needed[how]:
        raise ValueError(
            f"aps has to have {needed[how]} model(s) for {how!r}, but got {len(aps)}; give another "
            "model's or choose otherwise"
        )
    if number < 1:
        raise ValueError(f"number has to be at least 1, but got {number}")
    queries = np.flatnonzero([info["is_query"] for info in infos])
    positions = np.flatnonzero(queries_with_match(infos))
    if not len(positions):
        raise ValueError(
            "at least one query has to have its person in the gallery in another camera, but none "
            f"of {len(queries)} has"
        )
    positions = np.random.default_rng(seed).permutation(positions)
    if how != "random":
        lack = {"worst": lambda: aps[0], "best": lambda: -aps[0], "differ": lambda: aps[0] - aps[1]}
        positions = positions[np.argsort(lack[how]()[positions], kind="stable")]
    return queries[positions[:number]]
