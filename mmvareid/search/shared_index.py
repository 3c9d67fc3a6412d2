"""An approximate index that threads share."""

import threading

import numpy as np

from .engines import TARGET_RECALL, ApproximateIndex

_GROWN = 1.25  # times the rows that it was tuned for, from which on its recall is measured anew


class SharedIndex:
    """Built at the first search, grown before the next; one thread at a time is in it.

    Rows are only ever added behind the others, so that a thread may still search among fewer rows
    than another has indexed.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._index: ApproximateIndex | None = None
        self._rows = self._tuned = 0

    def search(
        self, engine: str, features: np.ndarray, query: np.ndarray, k: int, strict: bool
    ) -> tuple[np.ndarray, np.ndarray] | None:
        """Find about the k nearest rows of ``features``; row -1 where fewer are found.

        Args:
            engine (str): 'hnsw' or 'ivf', of an index that is yet to be built.
            features (np.ndarray): ``(N, D)``, float32.
            query (np.ndarray): ``(Q, D)``, float32.
            k (int): Rows to find.
            strict (bool): Return None where the index finds less than it should. Many equal
                pictures, such as black ones, break HNSW.
        """
        with self._lock:
            index = self._grown(engine, features)
            if strict and index.recall < TARGET_RECALL:
                return None
            similarities, rows = index.search(query, k)
        return similarities, np.where(rows < len(features), rows, -1)

    def _grown(self, engine: str, features: np.ndarray) -> ApproximateIndex:
        if self._index is None:
            self._index = ApproximateIndex(engine, features)
            self._rows = self._tuned = len(features)
        elif self._rows < len(features):
            self._index.add(features[self._rows :])
            self._rows = len(features)
            if self._rows > _GROWN * self._tuned:
                self._index.tune(features)
                self._tuned = self._rows
        return self._index
