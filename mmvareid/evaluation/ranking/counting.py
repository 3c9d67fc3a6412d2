"""Count what stands before each match of a query, without a sort of the gallery."""

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

_FEW = 64  # matches, up to which comparing with each is faster than a search among them
_ROWS, _CHUNK = 8, 2**13  # queries and gallery images compared at a time, to stay in the cache


def count_ahead(block: Tensor, matches: Tensor, counts: np.ndarray) -> np.ndarray:
    """Count the non-matches that are at least as close as each match.

    Args:
        block (Tensor): Similarities ``(B, G)`` of non-matches, -inf elsewhere.
        matches (Tensor): Similarities of the matches of all rows, ``(sum(counts),)``.
        counts (np.ndarray): Matches of each row, ``(B,)``.

    Returns:
        np.ndarray: ``(sum(counts),)`` int64, ascending within a row.
    """
    of_row = matches.split(counts.tolist())
    order = np.argsort(counts, kind="stable")  # rows of as many matches together
    order = order[counts[order] > 0]
    few, many = np.split(order, [(counts <= _FEW)[order].sum()])
    ahead = [matches.new_zeros(0, dtype=torch.int64)]
    # One buffer for all: memory of ever larger ones would not be used again.
    buffer = block.new_empty(_ROWS * _CHUNK * int(counts[few].max(initial=0)))
    for start in range(0, len(few), _ROWS):
        rows = few[start : start + _ROWS]
        ahead.append(_count_by_comparing(block[rows], [of_row[row] for row in rows], buffer))
    ahead += [_count_by_search(block[row], of_row[row]) for row in many]
    values = torch.cat(ahead).cpu().numpy()
    return values[np.lexsort((values, np.repeat(order, counts[order])))]


def _count_by_comparing(rows: Tensor, matches: list[Tensor], buffer: Tensor) -> Tensor:
    """Compare all with all: without branches, the fastest for few matches."""
    padded = pad_sequence(matches, batch_first=True, padding_value=torch.inf)  # (R, P)
    ahead = torch.zeros_like(padded, dtype=torch.int64)
    for part in rows.split(_CHUNK, dim=1):
        # Ones and zeros as floats: PyTorch sums these several times faster than booleans.
        closer = buffer[: padded.numel() * part.shape[1]].view(*padded.shape, -1)  # (R, P, C)
        torch.ge(part[:, None], padded[:, :, None], out=closer)
        ahead += closer.sum(dim=2).long()
    return ahead[padded.isfinite()]


def _count_by_search(row: Tensor, matches: Tensor) -> Tensor:
    """Search each image's place among the matches: time grows as log P, not as P."""
    behind = torch.searchsorted(matches.sort().values, row, right=True)
    histogram = torch.bincount(behind, minlength=len(matches) + 1)
    return histogram.flip(0).cumsum(0)[:-1]
