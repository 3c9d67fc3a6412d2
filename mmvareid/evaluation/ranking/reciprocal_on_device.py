"""k-reciprocal encoding and its Jaccard distances where the features are; see reranking.py.

What :mod:`.reciprocal_encoding` does with NumPy, in its order, by operators over all images or over
large parts of them. Sums over an image's members are of float64.
"""

import numpy as np
import torch
from torch import Tensor

from .neighbours import neighbour_blocks

_PAIRS = 2**27  # members compared together, a byte each
_CELLS = 2**24  # of shares at a time, 8 bytes each


class DeviceEncoding:
    """Weights of N images over their k-reciprocal neighbours, the first ``num_queries`` queries.

    Attributes:
        farthest (Tensor): Squared distance of the farthest image, ``(N,)``.
    """

    def __init__(
        self,
        features: Tensor,
        squares: Tensor,
        num_queries: int,
        k1: int,
        k2: int,
        memory_mb: float | None,
    ) -> None:
        number = max(k1 + 1, k2)
        parts = [*zip(*neighbour_blocks(features, squares, number, memory_mb), strict=True)]
        index, distance, self.farthest = (torch.cat(column) for column in parts)
        rows, columns = _reciprocal_sets(index, k1)
        far = _pair_distances(features, index, distance, rows, columns)
        weights = (-far / self.farthest[rows]).exp().double()
        weights = weights / _sums(weights, rows, len(index))[rows]
        if k2 > 1:
            rows, columns, weights = _average(rows, columns, weights, index[:, :k2])
        self.lengths = rows.bincount(minlength=len(index))
        first = int(self.lengths[:num_queries].sum())  # rows are sorted: the gallery stands last
        self.queries = columns[:first], weights[:first]
        self.starts = self.lengths.cumsum(0) - self.lengths
        # For each image the gallery rows that have it.
        order = columns[first:].argsort(stable=True)
        self.owners, self.shares = rows[first:][order] - num_queries, weights[first:][order]
        self.of_image = columns[first:].bincount(minlength=len(index))
        self.image_starts = self.of_image.cumsum(0) - self.of_image

    def subtract_jaccard(self, block: Tensor, start: int, factor: float) -> None:
        """Take ``factor`` times the Jaccard distances off a block (B, G) of queries."""
        step = max(1, _CELLS // block.shape[1])
        for row in range(0, len(block), step):
            part = block[row : row + step]
            first = start + row
            lengths = self.lengths[first : first + len(part)]
            total = int(lengths.sum())
            members = slice(int(self.starts[first]), int(self.starts[first]) + total)
            images, weights = (column[members] for column in self.queries)
            counts = self.of_image[images]
            taken = _ranges(self.image_starts[images], counts)
            queries = torch.arange(len(part), device=block.device).repeat_interleave(lengths)
            cells = (queries * block.shape[1]).repeat_interleave(counts) + self.owners[taken]
            smaller = weights.repeat_interleave(counts).minimum(self.shares[taken])
            shared = weights.new_zeros(part.numel()).index_add_(0, cells, smaller)
            # 1 - s / (2 - s) = 2 - 2 / (2 - s)
            jaccard = (2 - 2 / (2 - shared)).view_as(part)
            part.sub_(jaccard.to(part.dtype), alpha=factor)


def _reciprocal_sets(index: Tensor, k1: int) -> tuple[Tensor, Tensor]:
    """Pairs (image, member of its expanded k-reciprocal set), sorted."""
    total = len(index)
    wide = index[:, : k1 + 1]
    half = index[:, : int(np.around(k1 / 2)) + 1]  # as the authors round
    small = torch.cat([_reciprocal(half, part) for part in _parts(half, 8 * half.shape[1] ** 2)])
    pairs = []
    # A part compares B x k x h x k pairs of members.
    for part in _parts(wide, wide.shape[1] ** 2 * half.shape[1]):
        own = _reciprocal(wide, part)  # (B, k) R, -1 where there is none
        others = small[own.clamp(min=0)].masked_fill(own[:, :, None] < 0, -1)  # (B, k, h)
        known = others >= 0
        shared = (others[:, :, :, None] == own[:, None, None, :]).any(dim=3) & known
        joins = 3 * shared.sum(dim=2) > 2 * known.sum(dim=2)  # (B, k)
        joined = others.masked_fill(~joins[:, :, None], -1).flatten(1)
        found = torch.cat([own, joined], dim=1)
        keys = part[:, None] * total + found
        pairs.append(keys[found >= 0].unique())
    keys = torch.cat(pairs)
    return keys // total, keys % total


def _reciprocal(index: Tensor, part: Tensor) -> Tensor:
    """Neighbours of the rows ``part`` that have the row among theirs, (B, k), -1 for others."""
    own = index[part]
    both = (index[own] == part[:, None, None]).any(dim=2)
    return own.masked_fill(~both, -1)


def _parts(index: Tensor, pairs: int) -> tuple[Tensor, ...]:
    """All rows, in parts that compare so many pairs each."""
    return torch.arange(len(index), device=index.device).split(max(1, _PAIRS // pairs))


def _pair_distances(
    features: Tensor, index: Tensor, distance: Tensor, rows: Tensor, columns: Tensor
) -> Tensor:
    """Squared distances of pairs: most stand in the lists, the others are computed."""
    total = len(index)
    index, order = index.sort(dim=1)
    every = torch.arange(total, device=index.device)[:, None]
    listed = (every * total + index).flatten()  # sorted
    keys = rows * total + columns
    place = torch.searchsorted(listed, keys).clamp_(max=len(listed) - 1)
    distances = distance.gather(1, order).flatten()[place]
    missing = (listed[place] != keys).nonzero().squeeze(1)
    for some in missing.split(max(1, _PAIRS // (4 * features.shape[1]))):
        found = features[rows[some]] - features[columns[some]]
        distances[some] = found.square_().sum(dim=1)
    return distances


def _average(
    rows: Tensor, columns: Tensor, weights: Tensor, index: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Mean of the encodings of each image's neighbours (N, k2)."""
    total, number = index.shape
    lengths = rows.bincount(minlength=total)
    starts = lengths.cumsum(0) - lengths
    nearest = index.flatten()
    counts = lengths[nearest]
    taken = _ranges(starts[nearest], counts)
    owners = torch.arange(total, device=rows.device).repeat_interleave(number)
    keys, order = (owners.repeat_interleave(counts) * total + columns[taken]).sort(stable=True)
    keys, repeats = keys.unique_consecutive(return_counts=True)
    sums = torch.segment_reduce(weights[taken][order], "sum", lengths=repeats)
    return keys // total, keys % total, sums / number


def _sums(weights: Tensor, rows: Tensor, total: int) -> Tensor:
    """Sum of the weights of each row, (N,); rows are sorted."""
    return torch.segment_reduce(weights, "sum", lengths=rows.bincount(minlength=total))


def _ranges(starts: Tensor, counts: Tensor) -> Tensor:
    """``[starts[0], starts[0] + 1, ...]`` of each start, ``counts`` long, one after the other."""
    ends = counts.cumsum(0)
    shift = (ends - counts - starts).repeat_interleave(counts)
    return torch.arange(len(shift), device=starts.device) - shift
