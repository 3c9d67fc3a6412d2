"""People to search among: descriptors, what is known of each picture, and the search."""

import operator
import os
import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from mmvareid.evaluation import PairSimilarities, rerank
from mmvareid.evaluation.scores.pair_similarities import Side
from mmvareid.fileio.arrays import load_arrays, save_arrays

from .columns import (
    COLUMNS,
    as_column,
    as_integers,
    check_features,
    check_paths,
    check_times,
    decode_paths,
    encode_paths,
)
from .engines import ApproximateIndex, choose_engine, search_exactly
from .filtered import search_depth, search_filtered

FORMAT = 1  # of the file
_BUILDING = threading.Lock()
_RERANKED = 100  # candidates of a query that are ranked anew
_LAST_ID = 2**62  # so that ids stay in 64 bits whatever a file says
_SPARSE = 0.5  # below this share of rows that are not removed an index is made anew
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
    """Add, remove and search pictures by their unit descriptors.

    Search is exact up to 50,000 pictures and where faiss is not installed; beyond that faiss's
    HNSW, from 500,000 on IVF, whose index is built at the first search and tunes itself to find at
    least 0.97 of the ten nearest of a sample. Below 1,000 pictures any engine is exact.

    Args:
        fingerprint (str): Of the model that makes the descriptors,
            :attr:`ReIDInferencer.fingerprint`; the file keeps it, and :meth:`load` compares it.
        engine (str): 'auto', 'flat' (exact), 'hnsw' or 'ivf'.
    """

    def __init__(self, fingerprint: str = "", engine: str = "auto") -> None:
        choose_engine(engine, 0)
        self.fingerprint, self.engine = fingerprint, engine
        self._features = np.empty((0, 0), np.float32)  # (N, D), removed ones included
        self._columns = {name: as_column(name, None, 0) for name in COLUMNS}
        self._paths: list[str] = []
        self._ids = np.empty(0, np.int64)
        self._alive = np.empty(0, bool)
        self._next_id = 0
        self._index: ApproximateIndex | None = None

    def __len__(self) -> int:
        return int(self._alive.sum())

    def add(
        self,
        features: np.ndarray,
        paths: Sequence[str | os.PathLike],
        persons: Sequence[int] | None = None,
        cameras: Sequence[int] | None = None,
        viewpoints: Sequence[int] | None = None,
        times: Sequence[float] | None = None,
    ) -> np.ndarray:
        """Add pictures; return their ids (N,), which are never given again.

        Args:
            features (np.ndarray): Unit descriptors ``(N, D)``.
            paths (Sequence[str | PathLike]): Where each picture is.
            persons, cameras, viewpoints (Sequence[int] | None): Of each; -1 where unknown.
            times (Sequence[float] | None): Of each, in any unit; NaN where unknown.

        Raises:
            ValueError: Lengths differ, descriptors are not of unit length, or of another length
                than those in the gallery, or a value is of another type. Nothing is added then.
        """
        new = check_features(features, self._features.shape[1] if len(self._ids) else None)
        names = check_paths(paths, len(new))
        given = dict(persons=persons, cameras=cameras, viewpoints=viewpoints, times=times)
        columns = {name: as_column(name, values, len(new)) for name, values in given.items()}
        ids = np.arange(self._next_id, self._next_id + len(new))
        # Always a copy: the caller may use the array again.
        self._features = np.concatenate([self._features.reshape(-1, new.shape[1]), new])
        for name, values in columns.items():
            self._columns[name] = np.concatenate([self._columns[name], values])
        self._paths += names
        self._ids = np.concatenate([self._ids, ids])
        self._alive = np.concatenate([self._alive, np.ones(len(new), bool)])
        self._next_id += len(new)
        if self._index is not None:
            self._index.add(new)
        return ids

    def remove(self, ids: Collection[int]) -> None:
        """Remove pictures by their ids.

        Raises:
            KeyError: An id is not in the gallery. Nothing is removed then.
            ValueError: The ids are not integers.
        """
        wanted = np.unique(as_integers("ids", ids))
        found = np.isin(self._ids, wanted) & self._alive
        if found.sum() != len(wanted):
            lost = np.setdiff1d(wanted, self._ids[found])
            raise KeyError(f"the gallery has no picture {lost[0]} ({len(lost)} such)")
        self._alive = self._alive & ~found
        if self._index is None or len(self) < _SPARSE * len(self._ids):
            self._compact()

    def distinct(self, name: str) -> list[int]:
        """Return the different values of 'persons', 'cameras' or 'viewpoints', sorted."""
        return np.unique(self._columns[name][self._alive]).tolist()

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

        Returns:
            list[list[Hit]]: For each query; one list if they are ``together``.

        Raises:
            ValueError: Descriptors, k or filters are of another type or shape, or queries that are
                searched for together point apart, so that they have no mean.
        """
        try:
            k = operator.index(k)
        except TypeError:
            raise ValueError(f"k has to be a whole number, but got {k!r}") from None
        if k < 1:
            raise ValueError(f"k has to be at least 1, but got {k}")
        if threshold is not None and not -1 <= threshold <= 1:
            raise ValueError(f"threshold has to be a cosine from -1 to 1, but got {threshold}")
        features = np.atleast_2d(features)
        query = check_features(features, self._features.shape[1] if len(self._ids) else None)
        own = _own_cameras(query_cameras, len(query)) if other_cameras_only else None
        if together:
            mean = query.mean(axis=0, keepdims=True)
            length = np.linalg.norm(mean)
            if length < _OPPOSITE:
                raise ValueError(
                    "queries that are searched for together have to have a mean direction, but "
                    f"their mean is of length {length}; are they of one person?"
                )
            query = mean / length
        allowed = self._allowed(cameras, viewpoints, times)
        least = -np.inf if threshold is None else threshold
        if own is None:
            return self._find(query, k, allowed, rerank, least)
        if together:
            others = allowed & ~np.isin(self._columns["cameras"], own)
            return self._find(query, k, others, rerank, least)
        found: list[list[Hit]] = [[] for _ in query]
        for camera in np.unique(own):
            others, mine = allowed & (self._columns["cameras"] != camera), own == camera
            hits = self._find(query[mine], k, others, rerank, least)
            for place, one in zip(np.flatnonzero(mine), hits, strict=True):
                found[place] = one
        return found

    def pair_similarities(self) -> PairSimilarities:
        """Return how similar the gallery's own pictures are, of one person and of two.

        Of those whose person and camera are known; five thousand drawn ones beside all.

        Raises:
            ValueError: There is no pair of one person in two cameras, or none of two people.
        """
        known = self._alive & (self._columns["persons"] >= 0) & (self._columns["cameras"] >= 0)
        rows = np.flatnonzero(known)
        drawn = np.random.default_rng(0).permutation(rows)[:_PAIRED]

        def side(some: np.ndarray) -> Side:
            columns = self._columns["persons"][some], self._columns["cameras"][some]
            return Side(torch.from_numpy(self._features[some]), *columns)

        if not len(rows):
            raise ValueError(
                "the gallery has to have pictures whose person and camera are known, but has none"
            )
        return PairSimilarities.of_sides(side(drawn), side(rows), self.fingerprint)

    def save(self, path: str | os.PathLike) -> None:
        """Write an .npz file; an older one stays whole until the new one is on the disk."""
        kept = self._alive
        save_arrays(
            path,
            {
                "format": np.array(FORMAT),
                "fingerprint": np.array(self.fingerprint),
                "next_id": np.array(self._next_id),
                "features": self._features[kept],
                "ids": self._ids[kept],
                "paths": encode_paths([self._paths[row] for row in np.flatnonzero(kept)]),
                **{name: values[kept] for name, values in self._columns.items()},
            },
        )

    @classmethod
    def load(
        cls, path: str | os.PathLike, fingerprint: str | None = None, engine: str = "auto"
    ) -> "Gallery":
        """Read a gallery; no code in the file is run.

        Args:
            path (str | PathLike): Of a file that :meth:`save` wrote.
            fingerprint (str | None): Of the model whose descriptors will be searched for; None
                takes any.
            engine (str): As of the class.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: It is no gallery, is cut short, of a later format, or of another model.
        """
        arrays = load_arrays(path)
        try:
            if int(arrays["format"]) != FORMAT:
                raise ValueError(f"its format is {arrays['format']}, and {FORMAT} can be read")
            gallery = cls(str(arrays["fingerprint"]), engine)
            features, ids = arrays["features"], arrays["ids"]
            if len(ids):
                columns: dict[str, Any] = {name: arrays[name] for name in COLUMNS}
                gallery.add(features, decode_paths(arrays["paths"]), **columns)
            next_id = int(arrays["next_id"])
            if arrays["next_id"].dtype.kind != "i" or not 0 <= next_id < _LAST_ID:
                raise ValueError(f"next_id is {arrays['next_id']} {arrays['next_id'].dtype}")
            if ids.shape != gallery._ids.shape or ids.dtype.kind != "i":
                raise ValueError(f"ids are {ids.shape} {ids.dtype}")
            if len(np.unique(ids)) != len(ids) or (
                len(ids) and not 0 <= ids.min() <= ids.max() < next_id
            ):
                raise ValueError("its ids are not unique, or not below next_id")
        except (KeyError, OverflowError, TypeError, ValueError) as error:
            raise ValueError(f"{path} has to be a gallery of mmvareid, but: {error}") from error
        gallery._ids, gallery._next_id = ids.astype(np.int64), next_id
        if fingerprint is not None and fingerprint != gallery.fingerprint:
            raise ValueError(
                f"the gallery {path} has descriptors of the model {gallery.fingerprint!r}, but the "
                f"queries are of {fingerprint!r}; make it anew from its pictures"
            )
        return gallery

    def _allowed(
        self,
        cameras: Collection[int] | None,
        viewpoints: Collection[int] | None,
        times: tuple[float, float] | None,
    ) -> np.ndarray:
        """Which rows may be found, (N,)."""
        allowed = self._alive
        for name, values in (("cameras", cameras), ("viewpoints", viewpoints)):
            if values is not None:
                allowed = allowed & np.isin(self._columns[name], as_integers(name, values))
        if times is not None:
            first, last = check_times(times)
            allowed = allowed & (self._columns["times"] >= first)
            allowed = allowed & (self._columns["times"] <= last)
        return allowed

    def _compact(self) -> None:
        """Forget the removed rows, and an index of them."""
        kept = self._alive
        self._features, self._ids = self._features[kept], self._ids[kept]
        self._columns = {name: values[kept] for name, values in self._columns.items()}
        self._paths = [self._paths[row] for row in np.flatnonzero(kept)]
        self._alive, self._index = kept[kept], None

    def _find(
        self, query: np.ndarray, k: int, allowed: np.ndarray, rerank: bool, least: float
    ) -> list[list[Hit]]:
        """The k nearest of each query (Q, D) among the allowed rows that are above ``least``."""
        number = int(allowed.sum())
        if not number:
            return [[] for _ in query]
        depth = min(max(k, _RERANKED) if rerank else k, number)
        similarities, rows = self._nearest(query, depth, allowed, number)
        if rerank:
            similarities, rows = self._reranked(query, similarities, rows)
        found = []
        for near, values in zip(rows, similarities, strict=True):
            kept = [(row, value) for row, value in zip(near, values, strict=True) if value > least]
            found.append([self._hit(row, value) for row, value in kept[:k]])
        return found

    def _nearest(
        self, query: np.ndarray, k: int, allowed: np.ndarray, number: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Similarities and rows (Q, k) of the nearest among the ``number`` allowed rows."""
        rows = len(self._ids)
        engine, limit = choose_engine(self.engine, rows), None if number == rows else allowed
        depth = None if engine == "flat" else search_depth(k, rows, number)
        if depth is None:
            return search_exactly(self._features, query, k, limit)
        with _BUILDING:  # others that search at the same time wait for the one index
            if self._index is None:
                self._index = ApproximateIndex(engine, self._features)
        return search_filtered(self._index, self._features, query, k, depth, limit)

    def _reranked(
        self, query: np.ndarray, similarities: np.ndarray, rows: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Order what was found for each query anew."""
        distances = [
            rerank(one[None], self._features[row])[0] for one, row in zip(query, rows, strict=True)
        ]
        order = np.argsort(distances, axis=1, kind="stable")
        return np.take_along_axis(similarities, order, 1), np.take_along_axis(rows, order, 1)

    def _hit(self, row: int, similarity: float) -> Hit:
        columns = {name: values[row].item() for name, values in self._columns.items()}
        return Hit(
            id=int(self._ids[row]),
            similarity=float(similarity),
            path=self._paths[row],
            person=columns["persons"],
            camera=columns["cameras"],
            viewpoint=columns["viewpoints"],
            time=columns["times"],
        )


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
