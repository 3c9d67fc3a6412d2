"""People to search among: descriptors, what is known of each picture, and the search."""

import os
from collections.abc import Collection, Sequence

import numpy as np

from mmvareid.evaluation import PairSimilarities

from . import files
from .columns import as_column, as_ids, as_integers, check_features, check_paths
from .database import MilvusStorage
from .hits import Hit, hits_of
from .memory import MemoryStorage
from .pairs import stored_pairs
from .queries import check_k, mean_query, nearest, own_cameras
from .storage import Filters, Pictures, Storage

FORMAT = files.FORMAT

__all__ = ["FORMAT", "Gallery", "Hit"]


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
        return cls._kept_in(
            MilvusStorage(os.fspath(address), fingerprint, collection, engine, token, create)
        )

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
        k = check_k(k)
        if group_by not in (None, "person"):
            raise ValueError(f"group_by has to be None or 'person', but got {group_by!r}")
        if threshold is not None and not -1 <= threshold <= 1:
            raise ValueError(f"threshold has to be a cosine from -1 to 1, but got {threshold}")
        query = check_features(np.atleast_2d(features), self._storage.width)
        own = own_cameras(query_cameras, len(query)) if other_cameras_only else None
        filters = Filters.of(times, cameras=cameras, viewpoints=viewpoints)
        if together:
            query, own = mean_query(query), None if own is None else np.unique(own)[None]
        elif own is not None:
            own = own[:, None]
        found = nearest(self._storage, query, k, filters, own, rerank, bool(group_by))
        return [hits_of(near, k, -np.inf if threshold is None else threshold) for near in found]

    def pair_similarities(self) -> PairSimilarities:
        """Return how similar the gallery's own pictures are, of one person and of two.

        Of those whose person and camera are known; five thousand drawn ones beside all.

        Raises:
            ValueError: There is no pair of one person in two cameras, or none of two people.
        """
        return stored_pairs(self._storage)

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
        return cls._kept_in(files.load(path, fingerprint, engine))

    @classmethod
    def _kept_in(cls, storage: Storage) -> "Gallery":
        gallery = cls.__new__(cls)
        gallery._storage = storage
        return gallery
