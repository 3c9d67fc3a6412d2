"""k-reciprocal re-ranking from neighbour lists: no all-pairs matrix is held."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .similarity import METRICS, Features, as_features, similarity_blocks, squared_norms

_PAIRS = 2**14  # pairs of features, or rows of neighbour lists, looked at together


def rerank(
    query: Features,
    gallery: Features,
    k1: int = 20,
    k2: int = 6,
    lambda_value: float = 0.3,
    metric: str = "euclidean",
    memory_mb: float = 64,
) -> np.ndarray:
    r"""Re-ranked distances of k-reciprocal encoding (Zhong et al. 2017, arXiv:1701.08398).

    With :math:`d` the squared distance between any two of the queries and gallery images, divided
    by the row's largest, the result is :math:`(1 - \lambda) d_J + \lambda d`, where the Jaccard
    distance :math:`d_J` compares the k-reciprocal neighbours of the two. It is what the authors'
    dense program computes; what is held besides the result are lists of neighbours.

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
    blocks = reranked_blocks(*features, k1, k2, lambda_value, metric, memory_mb)
    return np.concatenate([-similarity.cpu().numpy() for _, similarity in blocks])


def rerank_options(rerank: bool | dict[str, Any]) -> dict[str, Any] | None:
    """Return the options that a switch stands for: None (off), the defaults (True), or its own.

    Raises:
        ValueError: An option is unknown or out of range.
    """
    if rerank is False:
        return None
    options: dict[str, Any] = dict(k1=20, k2=6, lambda_value=0.3)
    given = {} if rerank is True else rerank
    unknown = given.keys() - options.keys()
    if unknown:
        raise ValueError(f"rerank has to be of {[*options]}, but got {sorted(unknown)}")
    options.update(given)
    for name in ("k1", "k2"):
        if options[name] < 1:
            raise ValueError(f"{name} has to be at least 1, but got {options[name]}")
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
    memory_mb: float,
) -> Iterator[tuple[int, Tensor]]:
    """Yield negative re-ranked distances block by block, as ``similarity_blocks`` does."""
    dtype = torch.promote_types(torch.promote_types(query.dtype, gallery.dtype), torch.float32)
    for name, features in (("query", query), ("gallery", gallery)):
        squared_norms(name, features, dtype, metric)
    features = torch.cat([query.to(gallery.device, dtype), gallery.to(dtype)])  # (N, D)
    if metric == "cosine":
        features = F.normalize(features, dim=1)

    neighbours, farthest = _nearest(features, max(k1 + 1, k2), memory_mb)
    rows, columns = _reciprocal_sets(neighbours, k1)
    encoding = _encode(features, rows, columns, farthest)
    if k2 > 1:
        encoding = _average(encoding, neighbours[:, :k2])
    num_queries = len(query)
    by_image = _gallery_by_image(encoding, num_queries, len(features))
    squares = features[:num_queries].square().sum(dim=1)
    first = similarity_blocks(
        features[:num_queries], features[num_queries:], "euclidean", memory_mb
    )
    for start, similarity in first:
        part = slice(start, start + len(similarity))
        original = (squares[part, None] - 2 * similarity).clamp(min=0)
        original /= torch.as_tensor(farthest[part]).to(original)[:, None]
        shared = _jaccard(encoding, by_image, start, *similarity.shape)
        jaccard = torch.as_tensor(shared).to(original)
        yield start, -((1 - lambda_value) * jaccard + lambda_value * original)


def _nearest(features: Tensor, number: int, memory_mb: float) -> tuple[np.ndarray, np.ndarray]:
    """Nearest of all N images for each, (N, k), the lower index first at ties; largest d, (N,)."""
    squares = features.square().sum(dim=1)
    number = min(number, len(features))
    nearest, farthest = [], []
    for start, similarity in similarity_blocks(features, features, "euclidean", memory_mb):
        values, index = similarity.topk(min(number + 1, len(features)))
        by_index = index.argsort(dim=1)
        values, index = values.gather(1, by_index), index.gather(1, by_index)
        order = values.argsort(dim=1, descending=True, stable=True)
        values, index = values.gather(1, order), index.gather(1, order)
        if number < len(features):  # topk may take any of those that tie for the last place
            tied = (values[:, number - 1] == values[:, number]).nonzero().squeeze(1)
            for row in tied.tolist():
                whole = similarity[row].argsort(descending=True, stable=True)
                index[row] = whole[: number + 1]
        nearest.append(index[:, :number].cpu().numpy())
        most = squares[start : start + len(similarity)] - 2 * similarity.amin(dim=1)
        farthest.append(most.clamp(min=torch.finfo(most.dtype).tiny).cpu().numpy())
    return np.concatenate(nearest), np.concatenate(farthest)


def _reciprocal(neighbours: np.ndarray, part: slice) -> np.ndarray:
    """Which neighbours of the rows ``part`` have the row among theirs, (B, k) bool."""
    mine = np.arange(len(neighbours))[part, None, None]
    return (neighbours[neighbours[part]] == mine).any(axis=2)


def _reciprocal_sets(neighbours: np.ndarray, k1: int) -> tuple[np.ndarray, np.ndarray]:
    """Pairs (image, member of its expanded k-reciprocal set), sorted."""
    wide = neighbours[:, : k1 + 1]
    half = neighbours[:, : int(np.around(k1 / 2)) + 1]  # as the authors round
    total = len(neighbours)
    step = max(1, _PAIRS // wide.shape[1])
    parts = [slice(start, start + step) for start in range(0, total, step)]
    members = np.concatenate([np.where(_reciprocal(half, part), half[part], -1) for part in parts])
    pairs = []
    for part in parts:
        own = np.where(_reciprocal(wide, part), wide[part], -1)  # (B, k) R
        others = np.where(own[:, :, None] >= 0, members[own], -1)  # (B, k, h) R* of each member
        known = others >= 0
        shared = (others[:, :, :, None] == own[:, None, None, :]).any(axis=3) & known
        joins = 3 * shared.sum(axis=2) > 2 * known.sum(axis=2)  # (B, k)
        joined = np.where(joins[:, :, None], others, -1).reshape(len(own), -1)
        found = np.concatenate([own, joined], axis=1)
        rows = np.arange(total)[part].repeat(found.shape[1])
        keys = rows * total + found.ravel()
        pairs.append(np.unique(keys[found.ravel() >= 0]))
    keys = np.concatenate(pairs)
    return keys // total, keys % total


Sparse = tuple[np.ndarray, np.ndarray, np.ndarray]  # rows and columns, sorted, and values


def _encode(
    features: Tensor, rows: np.ndarray, columns: np.ndarray, farthest: np.ndarray
) -> Sparse:
    """Weights exp(-d) of the members, which sum to 1 in each row."""
    distances = []
    for start in range(0, len(rows), _PAIRS):
        part = slice(start, start + _PAIRS)
        left, right = (torch.as_tensor(x[part]).to(features.device) for x in (rows, columns))
        distances.append((features[left] - features[right]).square().sum(dim=1).cpu().numpy())
    weights = np.exp(-np.concatenate(distances) / farthest[rows])
    return rows, columns, weights / np.bincount(rows, weights)[rows]


def _average(encoding: Sparse, neighbours: np.ndarray) -> Sparse:
    """Mean of the encodings of each image's neighbours (N, k2)."""
    rows, columns, weights = encoding
    total = len(neighbours)
    ends = np.searchsorted(rows, np.arange(total + 1))
    counts = np.diff(ends)[neighbours.ravel()]
    taken = _ranges(ends[neighbours.ravel()], counts)
    owners = np.arange(total).repeat(neighbours.shape[1]).repeat(counts)
    keys = owners * total + columns[taken]
    order = np.argsort(keys, kind="stable")
    keys, first = np.unique(keys[order], return_index=True)
    sums = np.add.reduceat(weights[taken][order], first) / neighbours.shape[1]
    return keys // total, keys % total, sums


def _ranges(starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """``[starts[0], starts[0] + 1, ...]`` of each start, ``counts`` long, one after the other."""
    ends = np.cumsum(counts)
    return np.arange(ends[-1]) - (ends - counts - starts).repeat(counts)


def _gallery_by_image(encoding: Sparse, num_queries: int, total: int) -> Sparse:
    """For each image where its gallery rows start, (N + 1,), and those rows with their weights."""
    rows, columns, weights = encoding
    kept = np.flatnonzero(rows >= num_queries)
    kept = kept[np.argsort(columns[kept], kind="stable")]
    starts = np.searchsorted(columns[kept], np.arange(total + 1))
    return starts, rows[kept] - num_queries, weights[kept]


def _jaccard(
    encoding: Sparse, by_image: Sparse, start: int, number: int, num_gallery: int
) -> np.ndarray:
    """Jaccard distances of the queries from ``start`` on to the gallery, (number, G)."""
    rows, columns, weights = encoding
    starts, gallery, gallery_weights = by_image
    part = slice(*np.searchsorted(rows, (start, start + number)))
    images = columns[part]
    counts = starts[images + 1] - starts[images]
    taken = _ranges(starts[images], counts)
    cell = (rows[part] - start).repeat(counts) * num_gallery + gallery[taken]
    smaller = np.minimum(weights[part].repeat(counts), gallery_weights[taken])
    shared = np.bincount(cell, smaller, minlength=number * num_gallery)
    return (1 - shared / (2 - shared)).reshape(number, num_gallery)
