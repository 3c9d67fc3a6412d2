"""Score blocks of queries by operators over whole blocks: for devices that wait for Python.

Nothing here has a shape that depends on values, and no operator is called row by row, so that the
device is told what to do long before it does it.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from .precision import sums_in_any_order

_FEW = 8  # matches, up to which a pass over the block for each is less to move than a search
_LANES = 32  # of a histogram: neighbours in a row would else add to one place of memory in turn


class PaddedMatches:
    """Where the images of each query's person are, padded to one width, on a device.

    Args:
        first (np.ndarray): ``(Q,)`` places in ``by_person``, where those of the query start.
        count (np.ndarray): How many they are, ``(Q,)``.
        by_person (np.ndarray): Gallery images in order of person, without junk.
        query_cams (np.ndarray): ``(Q,)``.
        gallery_cams (np.ndarray): ``(G,)``.
        junk (np.ndarray): Gallery images of person -1.
        device (torch.device): Of the similarities.
    """

    def __init__(
        self,
        first: np.ndarray,
        count: np.ndarray,
        by_person: np.ndarray,
        query_cams: np.ndarray,
        gallery_cams: np.ndarray,
        junk: np.ndarray,
        device: torch.device,
    ) -> None:
        if not len(by_person):  # all are junk
            by_person = np.zeros(1, np.int64)
        self.width = max(1, int(count.max()))
        self.queries = torch.from_numpy(np.stack([first, count, query_cams])).to(device)  # (3, Q)
        self.by_person = torch.from_numpy(by_person).to(device)
        self.cameras = torch.from_numpy(gallery_cams).to(device)
        self.junk = torch.from_numpy(junk).to(device)

    def score(self, start: int, block: Tensor, ap: str) -> Tensor:
        """Score the queries from ``start`` on; similarities (B, G), which are overwritten.

        Returns:
            Tensor: AP, INP, first hit, number of matches and of ignored images, (5, B) float64.
        """
        first, count, camera = self.queries[:, start : start + len(block), None]  # each (B, 1)
        place = torch.arange(self.width, device=block.device)
        # Places beyond the person's go round: no two in a row are the same, so none is written
        # twice.
        columns = self.by_person[(first + place) % len(self.by_person)]  # (B, P)
        same = place < count  # (B, P)
        is_match = same & (self.cameras[columns] != camera)
        found = block.gather(1, columns)  # (B, P)
        # Only the non-matches stay in the block. -inf is behind every match.
        block.scatter_(1, columns, found.masked_fill(same, -torch.inf))
        if len(self.junk):
            block.index_fill_(1, self.junk, -torch.inf)
        matches = found.masked_fill(~is_match, torch.inf).sort(dim=1).values
        number = is_match.sum(dim=1)  # (B,)
        ahead = count_ahead_of_padded(block, matches)
        scores = score_padded(ahead, number, ap)
        return torch.stack([*scores, number.double(), (same.sum(dim=1) - number).double()])

    def score_all(
        self, blocks: Iterator[tuple[int, Tensor]], ap: str
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Score all blocks, and copy the scores to the host at the end; see :class:`.Ranking`."""
        parts = [self.score(start, block, ap) for start, block in blocks]
        aps, inps, *whole = torch.cat(parts, dim=1).cpu().numpy()
        first_hit, number, ignored = (column.astype(np.int64) for column in whole)
        return aps, inps, first_hit, number, ignored


def count_ahead_of_padded(block: Tensor, matches: Tensor) -> Tensor:
    """Count the non-matches that are at least as close as each match.

    Args:
        block (Tensor): Similarities ``(B, G)`` of non-matches, -inf elsewhere.
        matches (Tensor): Those of the matches, ``(B, P)``, ascending, inf where there is none.

    Returns:
        Tensor: ``(B, P)`` int64.
    """
    rows, width = matches.shape
    if width <= _FEW:
        return torch.stack(
            [(block >= matches[:, place, None]).sum(dim=1) for place in range(width)], dim=1
        )
    behind = torch.searchsorted(matches, block, right=True)  # (B, G): matches it is as close as
    lanes = torch.arange(block.shape[1], device=block.device) % _LANES
    behind.mul_(_LANES).add_(lanes)
    histogram = torch.zeros(rows, (width + 1) * _LANES, dtype=torch.int32, device=block.device)
    one = torch.ones((), dtype=torch.int32, device=block.device)
    with sums_in_any_order():
        histogram.scatter_add_(1, behind, one.expand_as(behind))
    of_count = histogram.view(rows, width + 1, _LANES).sum(dim=2)  # (B, P + 1)
    return of_count.flip(1).cumsum(dim=1).flip(1)[:, 1:]


def score_padded(ahead: Tensor, number: Tensor, ap: str) -> tuple[Tensor, Tensor, Tensor]:
    """AP, INP and first hit, (B,) float64, from the non-matches ahead (B, P) of ascending matches.

    The closest of n matches is at n - 1: the k-th match is at n - k.
    """
    nothing = number == 0
    place = number[:, None] - torch.arange(ahead.shape[1], device=ahead.device)  # (B, P): k, or < 1
    position = place + ahead
    precision = place.double() / position
    if ap == "trapezoid":
        before = position - 1
        previous = (place - 1).double() / before.clamp(min=1)
        precision = (precision + previous.masked_fill(before == 0, 1)) / 2
    area = precision.masked_fill(place < 1, 0).sum(dim=1)
    aps = (area / number).masked_fill(nothing, torch.nan)
    inps = (number.double() / (number + ahead[:, 0])).masked_fill(nothing, torch.nan)
    first_hit = ahead.gather(1, (number - 1).clamp(min=0)[:, None]).squeeze(1)
    return aps, inps, first_hit.masked_fill(nothing, -1).double()
