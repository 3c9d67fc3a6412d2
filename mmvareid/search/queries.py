"""From queries as a user gives them to the pictures that are nearest to each."""

import operator
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mmvareid.evaluation.ranking.reranking import rerank as rerank_distances

from .columns import as_integers
from .storage import Filters, Found, Storage

_RERANKED = 100  # candidates of a query that are ranked anew
_DEEPER = 4  # times as many candidates, where too few persons are among them
_OPPOSITE = 1e-3  # length of a mean of queries, below which it points nowhere


def check_k(k: Any) -> int:
    """Return how many pictures to find, or raise ValueError if it is no number from 1 on."""
    try:
        k = operator.index(k)
    except TypeError:
        raise ValueError(f"k has to be a whole number, but got {k!r}") from None
    if k < 1:
        raise ValueError(f"k has to be at least 1, but got {k}")
    return k


def own_cameras(cameras: Sequence[int] | None, number: int) -> np.ndarray:
    """Return the camera of each query, (number,), or raise ValueError."""
    if cameras is None:
        raise ValueError("other_cameras_only has to know query_cameras, one a query; give them")
    own = as_integers("query_cameras", cameras)
    if own.shape != (number,) or (own < 0).any():
        raise ValueError(
            f"query_cameras have to be {number} numbers from 0 on, one a query, but got {cameras!r}"
        )
    return own


def mean_query(query: np.ndarray) -> np.ndarray:
    """Return queries (Q, D) as one, (1, D), or raise ValueError if they have no mean."""
    mean = query.mean(axis=0, keepdims=True)
    length = np.linalg.norm(mean)
    if length < _OPPOSITE:
        raise ValueError(
            "queries that are searched for together have to have a mean direction, but their mean "
            f"is of length {length}; are they of one person?"
        )
    return mean / length


def nearest(
    storage: Storage,
    query: np.ndarray,
    k: int,
    filters: Filters,
    own: np.ndarray | None,
    rerank: bool,
    by_person: bool,
) -> list[Found]:
    """Return the nearest pictures of each query (Q, D), k or more if there are.

    Args:
        storage (Storage): Where they are.
        query (np.ndarray): Unit descriptors (Q, D).
        k (int): Pictures, or persons, to find.
        filters (Filters): Which count.
        own (np.ndarray | None): Cameras that are left out for each query, (Q, c).
        rerank (bool): Order the hundred nearest anew.
        by_person (bool): The best picture of each person alone.
    """
    found: list[Found] = [None] * len(query)  # type: ignore[list-item]
    for mine, left in _by_camera(own, len(query), filters):
        if rerank:
            near = _nearest_reranked(storage, query[mine], k, left, by_person)
        elif by_person:
            near = _nearest_persons(storage, query[mine], k, left)
        else:
            near = storage.nearest(query[mine], k, left)
        for place, one in zip(mine, near, strict=True):
            found[place] = one
    return found


def _by_camera(
    own: np.ndarray | None, number: int, filters: Filters
) -> Iterator[tuple[np.ndarray, Filters]]:
    """Yield the queries whose own cameras (n, c) are the same, and the filters without these."""
    if own is None:
        yield np.arange(number), filters
        return
    for cameras in np.unique(own, axis=0):
        mine = np.flatnonzero((own == cameras).all(axis=1))
        yield mine, replace(filters, not_cameras=cameras)


def _nearest_reranked(
    storage: Storage, query: np.ndarray, k: int, filters: Filters, by_person: bool
) -> list[Found]:
    """Return the hundred nearest of each query (Q, D), or k, in the order of re-ranking."""
    near = storage.nearest(query, max(k, _RERANKED), filters, with_features=True)
    near = [_reranked(one, found) for one, found in zip(query, near, strict=True)]
    return [_best_of_persons(found) for found in near] if by_person else near


def _nearest_persons(storage: Storage, query: np.ndarray, k: int, filters: Filters) -> list[Found]:
    """Return the best pictures of the k nearest persons of each query (Q, D)."""
    most, depth = storage.most or len(storage), k
    found, short = [None] * len(query), np.arange(len(query))
    while True:
        near = storage.nearest(query[short], depth, filters)
        best = [_best_of_persons(one) for one in near]
        for place, one in zip(short, best, strict=True):
            found[place] = one  # type: ignore[call-overload]
        more = [len(a) == depth and len(b) < k for (_, a), (_, b) in zip(near, best, strict=True)]
        short = short[np.array(more)]
        if not len(short) or depth >= most:
            return found  # type: ignore[return-value]
        depth = min(depth * _DEEPER, most)


def _reranked(query: np.ndarray, near: Found) -> Found:
    """Order what was found for a query anew."""
    similarities, pictures = near
    if not len(pictures):
        return near
    assert pictures.features is not None
    order = np.argsort(rerank_distances(query[None], pictures.features)[0], kind="stable")
    return similarities[order], pictures.take(order)


def _best_of_persons(near: Found) -> Found:
    """Keep the first picture of each person."""
    similarities, pictures = near
    persons = pictures.columns["persons"].copy()
    unknown = np.flatnonzero(persons < 0)
    persons[unknown] = -1 - unknown
    first = np.sort(np.unique(persons, return_index=True)[1])
    return similarities[first], pictures.take(first)
