"""Nearest rows among many: exact, or by faiss's HNSW and IVF once they are worth it."""

import importlib
import importlib.util
import logging
import math
from typing import Any

import numpy as np
import torch
from mmengine.logging import print_log

# Optional; its stubs lack what its Python layer adds.
faiss: Any = importlib.import_module("faiss") if importlib.util.find_spec("faiss") else None

ENGINES = ("auto", "flat", "hnsw", "ivf")
INDEX_FROM = 1_000  # rows, below which even an engine that is asked for has nothing to save
HNSW_FROM, IVF_FROM = 50_000, 500_000  # rows
TARGET_RECALL = 0.97  # of the ten nearest, when an index tunes itself
_TUNED_ON = 256  # rows
_BLOCK = 2**26  # similarities held at a time where faiss.knn cannot be used
_EQUAL = 1e-6  # similarities that differ by rounding
_COPIED = 3  # a copy of the allowed rows pays where fewer than one in so many are


def choose_engine(engine: str, rows: int) -> str:
    """Return the engine for so many rows; ``'auto'`` without faiss, and any for few, is flat."""
    if engine not in ENGINES:
        raise ValueError(f"engine has to be one of {', '.join(ENGINES)}, but got {engine!r}")
    if faiss is None:
        if engine in ("hnsw", "ivf"):
            raise ImportError(f"engine {engine!r} needs faiss: pip install faiss-cpu")
        return "flat"
    if rows < INDEX_FROM:
        return "flat"
    if engine != "auto":
        return engine
    return "flat" if rows < HNSW_FROM else "hnsw" if rows < IVF_FROM else "ivf"


def search_exactly(
    features: np.ndarray, query: np.ndarray, k: int, allowed: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Find the k rows of the largest inner products.

    Args:
        features (np.ndarray): ``(N, D)``, float32.
        query (np.ndarray): ``(Q, D)``, float32.
        k (int): At most N, or as many as are allowed.
        allowed (np.ndarray | None): ``(N,)`` bool, which rows may be found; None is all.

    Returns:
        tuple[np.ndarray, np.ndarray]: Similarities ``(Q, k)``, the largest first, and rows.
    """
    if allowed is not None and _COPIED * np.count_nonzero(allowed) < len(allowed):
        some = np.flatnonzero(allowed)
        similarities, rows = search_exactly(features[some], query, k)
        return similarities, some[rows]
    if faiss is not None and allowed is None:
        return faiss.knn(query, features, k, metric=faiss.METRIC_INNER_PRODUCT)
    step, parts = max(_BLOCK // len(features), 1), []
    for start in range(0, len(query), step):
        products = query[start : start + step] @ features.T  # for one query far faster than torch
        if allowed is not None:
            np.copyto(products, -np.inf, where=~allowed)
        parts.append(torch.from_numpy(products).topk(k))
    return (
        torch.cat([values for values, _ in parts]).numpy(),
        torch.cat([rows for _, rows in parts]).numpy(),
    )


class ApproximateIndex:
    """faiss's HNSW or IVF over rows of unit features, as wide a search as its recall needs.

    HNSW (Malkov and Yashunin 2018) is fastest to ask and slow to build; IVF (Jegou et al. 2011)
    is built in minutes at a million rows.

    Args:
        engine (str): 'hnsw' or 'ivf'.
        features (np.ndarray): ``(N, D)``, float32.
    """

    def __init__(self, engine: str, features: np.ndarray) -> None:
        rows, width = features.shape
        product = faiss.METRIC_INNER_PRODUCT
        print_log(f"Building the {engine} index of {rows} images ...", logger="current")
        if engine == "hnsw":
            self.index = faiss.IndexHNSWFlat(width, 32, product)
            self.widths = [64, 128, 256, 512, 1024]
        else:
            lists = int(4 * rows**0.5)
            self.index = faiss.index_factory(width, f"IVF{lists},Flat", product)
            chosen = np.random.default_rng(0).permutation(rows)[: 40 * lists]
            self.index.train(features[np.sort(chosen)])
            self.widths = [8, 16, 32, 64, 128, 256, 512]
        self.engine = engine
        self.index.add(features)
        self.tune(features)

    def add(self, features: np.ndarray) -> None:
        """Add rows (n, D) behind the others."""
        self.index.add(features)

    def search(self, query: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Find about the k nearest rows, see :func:`search_exactly`; row -1 where fewer are found.

        The search is tuned for ten; it is wider by the root of k / 10, which kept the recall in
        trials with k of 30 to 1,000.

        Args:
            query (np.ndarray): ``(Q, D)``, float32.
            k (int): Rows to find.
        """
        return self._search(query, k, math.ceil(self.width * max(k / 10, 1) ** 0.5))

    def _search(self, query: np.ndarray, k: int, width: int) -> tuple[np.ndarray, np.ndarray]:
        if self.engine == "hnsw":
            params = faiss.SearchParametersHNSW(efSearch=max(width, k))
        else:
            params = faiss.SearchParametersIVF(nprobe=width)
        return self.index.search(query, k, params=params)

    def tune(self, features: np.ndarray) -> None:
        """Take the narrowest search that finds ten neighbours of some rows; measure its recall."""
        chosen = np.random.default_rng(1).permutation(len(features))[:_TUNED_ON]
        query = features[np.sort(chosen)]
        k = min(11, len(features))  # each finds itself
        last = search_exactly(features, query, k)[0][:, -1:]  # among equals any will do
        recall = 0.0
        for width in self.widths:
            similarities, rows = self._search(query, k, width)
            hits = ((similarities >= last - _EQUAL) & (rows >= 0)).sum(axis=1) - 1
            recall = float(hits.mean()) / (k - 1)
            if recall >= TARGET_RECALL:
                break
        else:
            print_log(
                f"the {self.engine} index finds {recall:.1%} of the nearest at its widest; "
                "engine='auto' searches exactly then",
                logger="current",
                level=logging.WARNING,
            )
        self.width, self.recall = width, recall
