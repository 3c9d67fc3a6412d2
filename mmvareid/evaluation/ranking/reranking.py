"""k-reciprocal re-ranking from neighbour lists: no all-pairs matrix is held."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .neighbours import find_neighbours
from .options import switched_options
from .reciprocal_encoding import Sparse, encode, ranges
from .reciprocal_on_device import DeviceEncoding
from .similarity import (
    METRICS,
    Features,
    as_features,
    in_one_pass,
    similarity_blocks,
    squared_norms,
)

_ROWS = 32  # queries compared with the gallery at a time, to stay in the cache


def rerank(
    query: Features,
    gallery: Features,
    k1: int = 20,
    k2: int = 6,
    lambda_value: float = 0.3,
    metric: str = "euclidean",
    memory_mb: float | None = None,
) -> np.ndarray:
    r"""Re-ranked distances of k-reciprocal encoding (Zhong et al. 2017, arXiv:1701.08398).

    With :math:`d` the squared distance between any two of the queries and gallery images, divided
    by the row's largest, the result is :math:`(1 - \lambda) d_J + \lambda d`, where the Jaccard
    distance :math:`d_J` compares the k-reciprocal neighbours of the two. It is what the authors'
    dense program computes; what is held besides the result are lists of neighbours. All of it runs
    on the gallery's device. Distances of features far from the origin lose digits: centre them
    first.

    Args:
        query (Tensor | np.ndarray): Features, ``(Q, D)``.
        gallery (Tensor | np.ndarray): Features, ``(G, D)``.
        k1 (int): Neighbours that make a reciprocal set. Defaults to 20.
        k2 (int): Neighbours over which encodings are averaged, itself included. Defaults to 6.
        lambda_value (float): Share :math:`\lambda` of the first distance. Defaults to 0.3.
        metric (str): 'euclidean', or 'cosine' for that of normalised features.
        memory_mb (float): What a block of similarities may take, in MiB.

    Returns:
        np.ndarray: Distances ``(Q, G)``, float64 if a feature is, float32 otherwise.

    Raises:
        ValueError: An option is out of range, or the features are no good.
    """
    rerank_options(dict(k1=k1, k2=k2, lambda_value=lambda_value))
    if metric not in METRICS:
        raise ValueError(f"metric has to be one of {METRICS}, but got {metric!r}")
    features = as_features(query, gallery)
    distances: np.ndarray | None = None
    for start, block in reranked_blocks(*features, k1, k2, lambda_value, metric, memory_mb):
        found = block.neg_().cpu().numpy()
        if distances is None:
            distances = np.empty((len(query), len(gallery)), found.dtype)
        distances[start : start + len(found)] = found
    assert distances is not None  # there is a query, so there is a block
    return distances


def rerank_options(rerank: bool | dict[str, Any]) -> dict[str, Any] | None:
    """Return the options of re-ranking, None where it is off; see :func:`switched_options`.

    Raises:
        ValueError: An option is unknown or out of range.
    """
    options = switched_options("rerank", rerank, k1=20, k2=6, lambda_value=0.3)
    if options is None:
        return None
    for name in ("k1", "k2"):
        if not isinstance(options[name], int) or not 1 <= options[name] < 2**31:
            raise ValueError(
                f"{name} has to be a whole number from 1 to 2**31 - 1, but got {options[name]!r}"
            )
    if not 0 <= options["lambda_value"] <= 1:
        raise ValueError(f"lambda_value has to be in [0, 1], but got {options['lambda_value']}")
    return options


@torch.no_grad()
def reranked_blocks(
    query: Tensor,
    gallery: Tensor,
    k1: int,
    k2: int,
    lambda_value: float,
    metric: str,
    memory_mb: float | None,
) -> Iterator[tuple[int, Tensor]]:
    """Yield negative re-ranked distances block by block, as ``similarity_blocks`` does."""
    dtype = torch.promote_types(torch.promote_types(query.dtype, gallery.dtype), torch.float32)
    squares = torch.cat(
        [
            squared_norms(name, features, dtype, metric).to(gallery.device)
            for name, features in (("query", query), ("gallery", gallery))
        ]
    )
    features = torch.cat([query.to(gallery.device, dtype), gallery.to(dtype)])  # (N, D)
    if metric == "cosine":
        F.normalize(features, dim=1, out=features)
        squares = squared_norms("unit", features, dtype)

    number = len(query)
    subtract_jaccard: Callable[[Tensor, int, float], None]
    if in_one_pass(gallery.device):
        on_device = DeviceEncoding(features, squares, number, k1, k2, memory_mb)
        farthest, subtract_jaccard = on_device.farthest, on_device.subtract_jaccard
    else:
        neighbours = find_neighbours(features, max(k1 + 1, k2), memory_mb, squares)
        encoding = encode(features, neighbours, k1, k2, memory_mb)
        by_image = _gallery_by_image(encoding, number, len(features))
        queries = slice(np.searchsorted(encoding[0], number))
        encoding = tuple(x[queries].copy() for x in encoding)  # type: ignore[assignment]
        farthest = torch.as_tensor(neighbours.farthest)
        subtract_jaccard = partial(_subtract_jaccard, encoding, by_image)
    scale = lambda_value / farthest[:number].to(features)
    blocks = similarity_blocks(
        features[:number], features[number:], "euclidean", memory_mb, squares[number:]
    )
    for start, block in blocks:  # of q^T g - |g|^2 / 2, in place to -(|q - g|^2 and the rest)
        part = slice(start, start + len(block))
        block.mul_(2).sub_(squares[part, None]).clamp_(max=0).mul_(scale[part, None])
        subtract_jaccard(block, start, 1 - lambda_value)
        yield start, block


def _subtract_jaccard(
    encoding: Sparse, by_image: Sparse, block: Tensor, start: int, factor: float
) -> None:
    """Take ``factor`` times the Jaccard distances off a block (B, G) of queries."""
    for row in range(0, len(block), _ROWS):
        rows = block[row : row + _ROWS]
        jaccard = _jaccard(encoding, by_image, start + row, *rows.shape)
        rows.sub_(torch.as_tensor(jaccard).to(rows), alpha=factor)


def _gallery_by_image(encoding: Sparse, num_queries: int, total: int) -> Sparse:
    """For each image where its gallery rows start, (N + 1,), and those rows with their weights."""
    rows, columns, weights = encoding
    first = np.searchsorted(rows, num_queries)  # rows are sorted: the gallery stands last
    order = np.argsort(columns[first:], kind="stable") + first
    starts = np.searchsorted(columns[order], np.arange(total + 1))
    return starts, rows[order] - num_queries, weights[order]


def _jaccard(
    encoding: Sparse, by_image: Sparse, start: int, number: int, num_gallery: int
) -> np.ndarray:
    """Jaccard distances of the queries from ``start`` on to the gallery, (number, G)."""
    rows, columns, weights = encoding
    starts, gallery, gallery_weights = by_image
    part = slice(*np.searchsorted(rows, (start, start + number)))
    images = columns[part]
    counts = starts[images + 1] - starts[images]
    taken = ranges(starts[images], counts)
    cell = ((rows[part] - start) * num_gallery).repeat(counts) + gallery[taken]
    smaller = np.minimum(weights[part].repeat(counts), gallery_weights[taken])
    shared = np.bincount(cell, smaller, minlength=number * num_gallery)
    shared = shared.astype(np.float64, copy=False)  # bincount of nothing is of integers
    # 1 - s / (2 - s) = 2 - 2 / (2 - s)
    np.subtract(2, shared, out=shared)
    np.divide(-2, shared, out=shared)
    shared += 2
    return shared.reshape(number, num_gallery)
