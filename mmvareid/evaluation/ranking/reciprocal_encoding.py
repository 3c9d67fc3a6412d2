"""Images as weights over their k-reciprocal neighbours, after Zhong et al. 2017."""

import numpy as np
import torch
from torch import Tensor

from .neighbours import Neighbours
from .similarity import default_memory_mb

Sparse = tuple[np.ndarray, np.ndarray, np.ndarray]  # rows and columns, sorted, and values

_ROWS = 1024  # images looked at together
_PAIRS = 2**23


def encode(
    features: Tensor, neighbours: Neighbours, k1: int, k2: int, memory_mb: float | None = None
) -> Sparse:
    """Encode each of N images by weights that sum to 1, the mean over its ``k2`` nearest.

    Args:
        features (Tensor): ``(N, D)``.
        neighbours (Neighbours): At least k1 + 1 and k2 of each, itself included.
        k1 (int): Neighbours that make a reciprocal set, itself not included.
        k2 (int): Neighbours whose encodings are averaged, itself included.
        memory_mb (float): What pairs of features may take at a time, in MiB.
    """
    rows, columns = _reciprocal_sets(neighbours.index, k1)
    distance = _pair_distances(features, neighbours, rows, columns, memory_mb)
    weights = np.exp(-distance / neighbours.farthest[rows])
    weights /= np.bincount(rows, weights)[rows]
    encoding = rows, columns, weights
    return encoding if k2 == 1 else _average(encoding, neighbours.index[:, :k2])


def _reciprocal(index: np.ndarray, part: slice) -> np.ndarray:
    """Which neighbours of the rows ``part`` have the row among theirs, (B, k) bool."""
    mine = np.arange(len(index))[part, None, None]
    return (index[index[part]] == mine).any(axis=2)


def _parts(total: int, rows: int) -> list[slice]:
    return [slice(start, start + rows) for start in range(0, total, rows)]


def _reciprocal_sets(index: np.ndarray, k1: int) -> tuple[np.ndarray, np.ndarray]:
    """Pairs (image, member of its expanded k-reciprocal set), sorted."""
    total = len(index)
    wide = index[:, : k1 + 1]
    half = index[:, : int(np.around(k1 / 2)) + 1]  # as the authors round
    members = [np.where(_reciprocal(half, part), half[part], -1) for part in _parts(total, _ROWS)]
    small = np.concatenate(members)  # (N, h) R* of each image, -1 where there is none
    pairs = []
    # A part compares B x k x h x k pairs of members.
    rows = max(1, min(_ROWS, _PAIRS // (wide.shape[1] ** 2 * half.shape[1])))
    for part in _parts(total, rows):
        own = np.where(_reciprocal(wide, part), wide[part], -1)  # (B, k) R
        others = np.where(own[:, :, None] >= 0, small[own], -1)  # (B, k, h) R* of each member
        known = others >= 0
        shared = (others[:, :, :, None] == own[:, None, None, :]).any(axis=3) & known
        joins = 3 * shared.sum(axis=2) > 2 * known.sum(axis=2)  # (B, k)
        joined = np.where(joins[:, :, None], others, -1).reshape(len(own), -1)
        found = np.concatenate([own, joined], axis=1)
        keys = np.arange(total)[part, None] * total + found
        pairs.append(np.unique(keys[found >= 0]))
    return _split(np.concatenate(pairs), total)


def _split(keys: np.ndarray, total: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of keys row * total + column, in half the memory."""
    return (keys // total).astype(np.int32), (keys % total).astype(np.int32)


def _pair_distances(
    features: Tensor,
    neighbours: Neighbours,
    rows: np.ndarray,
    columns: np.ndarray,
    memory_mb: float | None,
) -> np.ndarray:
    """Squared distances of pairs: most stand in the lists, the others are computed."""
    total = len(neighbours.index)
    order = np.argsort(neighbours.index, axis=1)
    listed = np.take_along_axis(neighbours.index, order, axis=1)
    listed = (np.arange(total)[:, None] * total + listed).ravel()  # sorted
    keys = rows.astype(np.int64) * total + columns
    place = np.searchsorted(listed, keys).clip(max=len(listed) - 1)
    distances = np.take_along_axis(neighbours.distance, order, axis=1).ravel()[place]
    missing = np.flatnonzero(listed[place] != keys)
    memory_mb = default_memory_mb(features.device) if memory_mb is None else memory_mb
    step = max(1, int(memory_mb * 2**20) // (3 * features.shape[1] * features.itemsize))
    for start in range(0, len(missing), step):
        pairs = missing[start : start + step]
        left, right = (torch.as_tensor(x[pairs]).to(features.device) for x in (rows, columns))
        found = (features[left] - features[right]).square_().sum(dim=1)
        distances[pairs] = found.cpu().numpy()
    return distances


def _average(encoding: Sparse, index: np.ndarray) -> Sparse:
    """Mean of the encodings of each image's neighbours (N, k2)."""
    rows, columns, weights = encoding
    total, number = index.shape
    starts = np.searchsorted(rows, np.arange(total + 1))
    lengths = np.diff(starts)
    parts = []
    for part in _parts(total, _ROWS):
        nearest = index[part].ravel()
        counts = lengths[nearest]
        taken = ranges(starts[nearest], counts)
        owners = np.arange(total)[part].repeat(number).repeat(counts)
        keys = owners * total + columns[taken]
        order = np.argsort(keys, kind="stable")
        found, first = np.unique(keys[order], return_index=True)
        sums = np.add.reduceat(weights[taken][order], first) / number
        parts.append((*_split(found, total), sums))
    first_rows, first_columns, sums = (np.concatenate(x) for x in zip(*parts, strict=True))
    return first_rows, first_columns, sums


def ranges(starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """``[starts[0], starts[0] + 1, ...]`` of each start, ``counts`` long, one after the other."""
    ends = np.cumsum(counts)
    return np.arange(ends[-1]) - (ends - counts - starts).repeat(counts)
