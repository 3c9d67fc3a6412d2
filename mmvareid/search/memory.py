"""Pictures of a gallery in the memory of one process."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from .columns import COLUMNS
from .engines import choose_engine, search_exactly
from .filtered import search_depth, search_filtered
from .shared_index import SharedIndex
from .storage import Filters, Found, Pictures

_SPARSE = 0.5  # below this share of rows that are not removed the others are copied together
_BATCH = 10_000  # pictures


@dataclass(frozen=True)
class _Rows:
    """Rows as they were at one moment: others go behind them, and removals into a copy."""

    pictures: Pictures
    alive: np.ndarray  # (N,) bool, False where removed
    index: SharedIndex


class MemoryStorage:
    """Keeps pictures in arrays that grow by doubling.

    A search works on the rows that there are when it begins: what other threads add or remove
    meanwhile changes none of them.

    Args:
        fingerprint (str): Of the model.
        engine (str): As of :class:`.Gallery`.
    """

    _arrays: dict[str, np.ndarray]
    _paths: list[str]
    _row_of: dict[int, int]  # of an id
    _number: int

    def __init__(self, fingerprint: str, engine: str) -> None:
        choose_engine(engine, 0)
        self.fingerprint, self.engine, self.next_id = fingerprint, engine, 0
        self.most: int | None = None
        self._lock = threading.Lock()
        self._keep(Pictures.empty())

    @property
    def width(self) -> int | None:
        """Numbers of a descriptor; None as long as there is none."""
        return self._arrays["features"].shape[1] if self._number else None

    def __len__(self) -> int:
        return len(self._row_of)

    def new_ids(self, number: int) -> np.ndarray:
        """Return the next ids, (number,)."""
        with self._lock:
            self.next_id += number
            return np.arange(self.next_id - number, self.next_id)

    def add(self, pictures: Pictures) -> None:
        """Add pictures; one whose id is there replaces it."""
        new = _as_arrays(pictures)
        with self._lock:
            first, number = self._number, self._number + len(pictures)
            if number > len(self._arrays["ids"]):
                self._grow(new, 2 * number)
            for name, values in new.items():
                self._arrays[name][first:number] = values
            self._paths += pictures.paths
            self._number = number
            ids = pictures.ids.tolist()
            replaced = [self._row_of[one] for one in ids if one in self._row_of]
            self._row_of.update(zip(ids, range(first, number), strict=True))
            self._forget(replaced)
            self.next_id = max(self.next_id, max(ids, default=-1) + 1)

    def remove(self, ids: np.ndarray) -> None:
        """Remove pictures, or raise KeyError if one is not there, and remove none."""
        with self._lock:
            lost = [one for one in ids.tolist() if one not in self._row_of]
            if lost:
                raise KeyError(f"the gallery has no picture {lost[0]} ({len(lost)} such)")
            self._forget([self._row_of.pop(one) for one in ids.tolist()])

    def nearest(
        self, query: np.ndarray, k: int, filters: Filters, with_features: bool = False
    ) -> list[Found]:
        """Return up to k pictures for each query (Q, D)."""
        with self._lock:
            rows = self._rows()
        allowed = filters.allowed(rows.pictures.columns, rows.alive)
        number, total = int(allowed.sum()), len(allowed)
        if not number:
            return [(np.empty(0, np.float32), rows.pictures.take(np.empty(0, int)))] * len(query)
        features, k = rows.pictures.features, min(k, number)
        assert features is not None
        limit = None if number == total else allowed
        engine, depth = choose_engine(self.engine, total), search_depth(k, total, number)
        found = None
        if engine != "flat" and depth is not None:
            found = rows.index.search(engine, features, query, depth, self.engine == "auto")
        if found is None:
            similarities, near = search_exactly(features, query, k, limit)
        else:
            similarities, near = search_filtered(found, features, query, k, limit)
        shown = rows.pictures if with_features else replace(rows.pictures, features=None)
        return [(values, shown.take(one)) for values, one in zip(similarities, near, strict=True)]

    def distinct(self, name: str) -> list[int]:
        """Return the different values of a column, sorted."""
        with self._lock:
            rows = self._rows()
        return np.unique(rows.pictures.columns[name][rows.alive]).tolist()

    def batches(self) -> Iterator[Pictures]:
        """Yield all pictures with their descriptors, in parts."""
        with self._lock:
            rows = self._rows()
        kept = np.flatnonzero(rows.alive)
        for start in range(0, len(kept), _BATCH):
            yield rows.pictures.take(kept[start : start + _BATCH])

    def close(self) -> None:
        """Nothing is open."""

    def _keep(self, pictures: Pictures) -> None:
        """Hold these pictures alone, and no index."""
        self._number, self._paths, self._index = len(pictures), pictures.paths, SharedIndex()
        self._arrays = _as_arrays(pictures)  # later with room for more rows
        self._row_of = {one: row for row, one in enumerate(pictures.ids.tolist())}

    def _rows(self) -> _Rows:
        now = {name: values[: self._number] for name, values in self._arrays.items()}
        columns = {name: now[name] for name in COLUMNS}
        pictures = Pictures(now["ids"], self._paths, columns, now["features"])
        return _Rows(pictures, now["alive"], self._index)

    def _grow(self, like: dict[str, np.ndarray], capacity: int) -> None:
        """Make room for more rows; readers keep the arrays that they have."""
        for name, values in like.items():
            grown = np.empty((capacity, *values.shape[1:]), values.dtype)
            if self._number:
                grown[: self._number] = self._arrays[name][: self._number]
            self._arrays[name] = grown

    def _forget(self, removed: list[int]) -> None:
        if removed:
            self._arrays["alive"] = self._arrays["alive"].copy()
            self._arrays["alive"][removed] = False
        if len(self._row_of) < _SPARSE * self._number:
            rows = self._rows()
            self._keep(rows.pictures.take(np.flatnonzero(rows.alive)))


def _as_arrays(pictures: Pictures) -> dict[str, np.ndarray]:
    """Return all that is kept of pictures but their paths, by name; they are all alive."""
    assert pictures.features is not None
    alive = np.ones(len(pictures), bool)
    return {"features": pictures.features, "ids": pictures.ids, "alive": alive, **pictures.columns}
