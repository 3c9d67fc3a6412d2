"""Search by an index among those rows that filters and removals leave.

An index that is told which rows count follows them badly where cameras go with appearance: in a
trial HNSW found less than half of the ten nearest however wide, and IVF as little at the width that
it needs without a filter. So the index is asked for the nearest of all rows, deeper the fewer
count, and queries that too few come of are searched for exactly.
"""

import math

import numpy as np

from .engines import search_exactly

_FEW = 0.2  # share of rows that count, below which an exact search among them is faster
_SPARE = 2  # times as deep as it takes where those that count lie evenly
_DEEP = 100  # rows, or a thousandth of all, beyond which an exact search is faster


def search_depth(k: int, rows: int, number: int) -> int | None:
    """Return how many of all ``rows`` to look at for k of the ``number`` that count.

    None is where an exact search is as fast.
    """
    depth = k if number == rows else math.ceil(_SPARE * k * rows / number)
    return None if number < _FEW * rows or depth > max(_DEEP, rows // 1000) else depth


def search_filtered(
    near: tuple[np.ndarray, np.ndarray],
    features: np.ndarray,
    query: np.ndarray,
    k: int,
    allowed: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Find about the k nearest of the allowed rows.

    Args:
        near (tuple[np.ndarray, np.ndarray]): Similarities and rows (Q, depth) that an index found,
            to the depth of :func:`search_depth`; row -1 where it found fewer.
        features (np.ndarray): ``(N, D)``, float32.
        query (np.ndarray): ``(Q, D)``, float32.
        k (int): At most as many as are allowed.
        allowed (np.ndarray | None): ``(N,)`` bool, which rows may be found; None is all.

    Returns:
        tuple[np.ndarray, np.ndarray]: Similarities ``(Q, k)``, the largest first, and rows.
    """
    similarities, rows = near
    counts = rows >= 0 if allowed is None else (rows >= 0) & allowed[rows]
    first = np.argsort(~counts, axis=1, kind="stable")[:, :k]
    similarities = np.take_along_axis(similarities, first, 1)
    rows = np.take_along_axis(rows, first, 1)
    short = counts.sum(axis=1) < k
    if short.any():
        similarities[short], rows[short] = search_exactly(features, query[short], k, allowed)
    return similarities, rows
