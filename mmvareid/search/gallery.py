"""People to search among: descriptors, what is known of each picture, and the search."""

import operator
import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from mmvareid.evaluation import PairSimilarities, rerank
from mmvareid.evaluation.scores.pair_similarities import Side

from . import files
from .columns import COLUMNS, as_column, as_ids, as_integers, check_features, check_paths
from .database import MilvusStorage
from .memory import MemoryStorage
from .storage import Filters, Found, Pictures, Storage

FORMAT = files.FORMAT
_RERANKED = 100  # candidates of a query that are ranked anew
_DEEPER = 4  # times as many candidates, where too few persons are among them
_PAIRED = 5_000  # pictures whose pairs with all are looked at
_OPPOSITE = 1e-3  # length of a mean of queries, below which it points nowhere


@dataclass(frozen=True)
class Hit:
    """A picture of the gallery that was found; -1, NaN and '' where nothing is known."""

    id: int
    similarity: float  # cosine
    path: str
    person: int
    camera: int
    viewpoint: int
    time: float


class Gallery:
    """Add, remove and search pictures by their unit descriptors; safe to share among threads.

    ``Gallery()`` keeps them in memory: search is exact up to 50,000 pictures and where faiss is
    not installed; beyond that faiss's HNSW, from 500,000 on IVF, whose index is built at the first
    search and tunes itself to find at least 0.97 of the ten nearest of a sample. Where it cannot,
    'auto' searches exactly. Below 1,000 pictures any engine is exact. :meth:`open` keeps them in a
    database.

    Args:
        fingerprint (str): Of the model that makes the descriptors,
            :attr:`ReIDInferencer.fingerprint`; it is kept with them, and compared when they are
            opened again.
        engine (str): 'auto', 'flat' (exact), 'hnsw' or 'ivf'.
    """

    def __init__(self, fingerprint: str = "", engine: str = "auto") -> None:
        self._storage: Storage = MemoryStorage(fingerprint, engine)

    @classmethod
    def open(
        cls,
        address: str | os.PathLike,
        fingerprint: str | None = None,
        collection: str = "people",
        engine: str = "auto",
        token: str = "",
        create: bool = True,
    ) -> "Gallery":
        """Open a gallery by its address; close it, or use it as a context.

        In a Milvus database what :meth:`add` wrote outlives the process when it returns. A file is
        for one process at a time.

        Args:
            address (str | PathLike): A file that ends in .db, or ``http://host:19530``. With
                ``create=False`` also an .npz file, which is read into memory (:meth:`load`).
            fingerprint (str | None): Of the model; None takes the one that is kept.
            collection (str): Name of the gallery among those of the database.
            engine (str): Index of a new collection: 'flat' is exact, 'auto' is 'hnsw', or 'ivf'.
            token (str): ``user:password``, where the server asks for it.
            create (bool): Begin a database or a collection that is not there.

        Raises:
            FileNotFoundError: The gallery is not there, and is not to be created.
            ImportError: pymilvus is not installed.
            OSError: The database does not answer, or another process has the file open.
            ValueError: The collection is of another model, of a later format, or not a gallery.
        """
        if os.fspath(address).endswith(".npz") and not create:
            return cls.load(address, fingerprint, engine)
        gallery = cls.__new__(cls)
        gallery._storage = MilvusStorage(
            os.fspath(address), fingerprint, collection, engine, token, create
        )
        return gallery

    @property
    def fingerprint(self) -> str:
        """Of the model that made the descriptors."""
        return self._storage.fingerprint

    def __len__(self) -> int:
        return len(self._storage)

    def __enter__(self) -> "Gallery":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close a database."""
        self._storage.close()

    def add(
        self,
        features: np.ndarray,
        paths: Sequence[str | os.PathLike],
        persons: Sequence[int] | None = None,
        cameras: Sequence[int] | None = None,
        viewpoints: Sequence[int] | None = None,
        times: Sequence[float] | None = None,
        ids: Sequence[int] | None = None,
    ) -> np.ndarray:
        """Add pictures; return their ids (N,), which are never given again.

        Args:
            features (np.ndarray): Unit descriptors ``(N, D)``.
            paths (Sequence[str | PathLike]): Where each picture is.
            persons, cameras, viewpoints (Sequence[int] | None): Of each; -1 where unknown.
            times (Sequence[float] | None): Of each, in any unit; NaN where unknown.
            ids (Sequence[int] | None): Of each, from 0 on, for pictures that have an id of yours.
                One that is there is replaced, so that adding twice is adding once.

        Raises:
            ValueError: Lengths differ, descriptors are not of unit length, or of another length
                than those in the gallery, or a value is of another type. Nothing is added then.
            OSError: A database fails; how many pictures were written is told.
        """
        new = check_features(features, self._storage.width)
        names = check_paths(paths, len(new))
        given = dict(persons=persons, cameras=cameras, viewpoints=viewpoints, times=times)
        columns = {name: as_column(name, values, len(new)) for name, values in given.items()}
        numbers = self._storage.new_ids(len(new)) if ids is None else as_ids(ids, len(new))
        self._storage.add(Pictures(numbers, names, columns, new))
        return numbers

    def remove(self, ids: Collection[int]) -> None:
        """Remove pictures by their ids.

        Raises:
            KeyError: An id is not in the gallery. Nothing is removed then.
            ValueError: The ids are not integers.
        """
        self._storage.remove(np.unique(as_integers("ids", ids)))

    def distinct(self, name: str) -> list[int]:
        """Return the different values of 'persons', 'cameras' or 'viewpoints', sorted."""
        return self._storage.distinct(name)

    def search(
        self,
        features: np.ndarray,
        k: int = 10,
        cameras: Collection[int] | None = None,
        viewpoints: Collection[int] | None = None,
        times: tuple[float, float] | None = None,
        together: bool = False,
        rerank: bool = False,
        threshold: float | None = None,
        query_cameras: Sequence[int] | None = None,
        other_cameras_only: bool = False,
        group_by: str | None = None,
    ) -> list[list[Hit]]:
        """Return the nearest pictures of each query, the most similar first.

        Args:
            features (np.ndarray): Unit descriptors ``(Q, D)`` of the queries, or ``(D,)`` of one.
            k (int): Pictures to find; fewer come where the gallery, or what the filters leave of
                it, has fewer.
            cameras, viewpoints (Collection[int] | None): Only these.
            times (tuple[float, float] | None): Only from the first to the second, both included.
            together (bool): The queries are pictures of one person: search by their mean
                (Zheng et al. 2015).
            rerank (bool): Order the hundred nearest, or ``k`` if that is more, by k-reciprocal
                re-ranking (Zhong et al. 2017). Similarities stay cosines.
            threshold (float | None): Only pictures that are more similar; where none is, the answer
                is nobody. See :meth:`mmvareid.evaluation.PairSimilarities.threshold`.
            query_cameras (Sequence[int] | None): Of each query, for ``other_cameras_only``.
            other_cameras_only (bool): Leave out pictures of the query's own camera, and those of
                all queries' if they are ``together``. Those of unknown camera stay.
            group_by (str | None): 'person' finds the best picture of each of ``k`` persons; a
                picture of an unknown person is a group of its own. Fewer persons may come where
                re-ranking or a database ends the list of candidates.

        Returns:
            list[list[Hit]]: For each query; one list if they are ``together``.

        Raises:
            ValueError: Descriptors, k or filters are of another type or shape, or queries that are
                searched for together point apart, so that they have no mean.
        """
        k = _check_k(k)
        if group_by not in (None, "person"):
            raise ValueError(f"group_by has to be None or 'person', but got {group_by!r}")
        if threshold is not None and not -1 <= threshold <= 1:
            raise ValueError(f"threshold has to be a cosine from -1 to 1, but got {threshold}")
        query = check_features(np.atleast_2d(features), self._storage.width)
        own = _own_cameras(query_cameras, len(query)) if other_cameras_only else None
        filters = Filters.of(times, cameras=cameras, viewpoints=viewpoints)
        if together:
            query, own = _mean_query(query), None if own is None else np.unique(own)[None]
        elif own is not None:
            own = own[:, None]
        found: list[Found] = [None] * len(query)  # type: ignore[list-item]
        for mine, left in _by_camera(own, len(query), filters):
            near = self._nearest(query[mine], k, left, rerank, group_by)
            for place, one in zip(mine, near, strict=True):
                found[place] = one
        return [_hits(near, k, -np.inf if threshold is None else threshold) for near in found]

    def _nearest(
        self, query: np.ndarray, k: int, filters: Filters, rerank: bool, group_by: str | None
    ) -> list[Found]:
        """Candidates of each query, the best first, k or more if there are."""
        if rerank:
            near = self._storage.nearest(query, max(k, _RERANKED), filters, with_features=True)
            near = [_reranked(one, found) for one, found in zip(query, near, strict=True)]
            return [_best_of_persons(found) for found in near] if group_by else near
        if group_by is None:
            return self._storage.nearest(query, k, filters)
        most, depth = self._storage.most or len(self), k
        found, short = [None] * len(query), np.arange(len(query))
        while True:
            near = self._storage.nearest(query[short], depth, filters)
            best = [_best_of_persons(one) for one in near]
            for place, one in zip(short, best, strict=True):
                found[place] = one  # type: ignore[call-overload]
            more = [
                len(a) == depth and len(b) < k for (_, a), (_, b) in zip(near, best, strict=True)
            ]
            short = short[np.array(more)]
            if not len(short) or depth >= most:
                return found  # type: ignore[return-value]
            depth = min(depth * _DEEPER, most)

    def pair_similarities(self) -> PairSimilarities:
        """Return how similar the gallery's own pictures are, of one person and of two.

        Of those whose person and camera are known; five thousand drawn ones beside all.

        Raises:
            ValueError: There is no pair of one person in two cameras, or none of two people.
        """
        parts = []
        for part in self._storage.batches():
            known = (part.columns["persons"] >= 0) & (part.columns["cameras"] >= 0)
            parts.append(part.take(np.flatnonzero(known)))
        if not any(len(part) for part in parts):
            raise ValueError(
                "the gallery has to have pictures whose person and camera are known, but has none"
            )
        features = np.concatenate([part.features for part in parts if part.features is not None])
        persons, cameras = (
            np.concatenate([part.columns[name] for part in parts])
            for name in ("persons", "cameras")
        )
        every = Side(torch.from_numpy(features), persons, cameras)
        drawn = np.random.default_rng(0).permutation(len(persons))[:_PAIRED]
        some = Side(torch.from_numpy(features[drawn]), persons[drawn], cameras[drawn])
        return PairSimilarities.of_sides(some, every, self.fingerprint)

    def save(self, path: str | os.PathLike) -> None:
        """Write an .npz file; an older one stays whole until the new one is on the disk."""
        files.save(self._storage, path)

    @classmethod
    def load(
        cls, path: str | os.PathLike, fingerprint: str | None = None, engine: str = "auto"
    ) -> "Gallery":
        """Read a gallery into memory; no code in the file is run.

        Args:
            path (str | PathLike): Of a file that :meth:`save` wrote.
            fingerprint (str | None): Of the model whose descriptors will be searched for; None
                takes any.
            engine (str): As of the class.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: It is no gallery, is cut short, of a later format, or of another model.
        """
        gallery = cls.__new__(cls)
        gallery._storage = files.load(path, fingerprint, engine)
        return gallery


def _check_k(k: Any) -> int:
    try:
        k = operator.index(k)
    except TypeError:
        raise ValueError(f"k has to be a whole number, but got {k!r}") from None
    if k < 1:
        raise ValueError(f"k has to be at least 1, but got {k}")
    return k


def _own_cameras(cameras: Sequence[int] | None, number: int) -> np.ndarray:
    """Return the camera of each query, (number,)."""
    if cameras is None:
        raise ValueError("other_cameras_only has to know query_cameras, one a query; give them")
    own = as_integers("query_cameras", cameras)
    if own.shape != (number,) or (own < 0).any():
        raise ValueError(
            f"query_cameras have to be {number} numbers from 0 on, one a query, but got {cameras!r}"
        )
    return own


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


def _mean_query(query: np.ndarray) -> np.ndarray:
    mean = query.mean(axis=0, keepdims=True)
    length = np.linalg.norm(mean)
    if length < _OPPOSITE:
        raise ValueError(
            "queries that are searched for together have to have a mean direction, but their mean "
            f"is of length {length}; are they of one person?"
        )
    return mean / length


def _reranked(query: np.ndarray, near: Found) -> Found:
    """Order what was found for a query anew."""
    similarities, pictures = near
    if not len(pictures):
        return near
    assert pictures.features is not None
    order = np.argsort(rerank(query[None], pictures.features)[0], kind="stable")
    return similarities[order], pictures.take(order)


def _best_of_persons(near: Found) -> Found:
    """Keep the first picture of each person."""
    similarities, pictures = near
    persons = pictures.columns["persons"].copy()
    unknown = np.flatnonzero(persons < 0)
    persons[unknown] = -1 - unknown
    first = np.sort(np.unique(persons, return_index=True)[1])
    return similarities[first], pictures.take(first)


def _hits(near: Found, k: int, least: float) -> list[Hit]:
    similarities, pictures = near
    kept = np.flatnonzero(similarities > least)[:k]
    pictures = pictures.take(kept)
    columns = [pictures.columns[name].tolist() for name in COLUMNS]  # in the order of Hit's fields
    ids, values = pictures.ids.tolist(), similarities[kept].tolist()
    return [Hit(*row) for row in zip(ids, values, pictures.paths, *columns, strict=True)]
