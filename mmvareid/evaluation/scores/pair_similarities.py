"""How similar pairs of one person and pairs of two people are, and what follows for a threshold."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mmvareid.evaluation.ranking.similarity import similarity_blocks
from mmvareid.evaluation.table import Descriptors
from mmvareid.fileio.arrays import load_arrays, save_arrays

# Two pairs of the very same vectors differ by so much at most, by rounding: they are equal.
ROUNDING = 1e-6
_BINS = 20_000  # from cosine -1 to 1
_FORMAT = 1  # of the file


class Side(NamedTuple):
    """Images that are one side of pairs: features (N, D), persons (N,), cameras (N,)."""

    features: Tensor
    persons: np.ndarray
    cameras: np.ndarray


def pair_blocks(
    query: Side, gallery: Side, memory_mb: float = 64
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Yield cosines (B, G) of some queries, which are positive, and which negative, (B, G) bool.

    Positive is a pair of one person in two cameras, negative one of two people; pairs of one person
    and camera are neither. The next block overwrites the cosines.
    """
    ids, cams = torch.as_tensor(gallery.persons), torch.as_tensor(gallery.cameras)
    rows = query.features
    lengths = rows.to(torch.promote_types(rows.dtype, torch.float32)).norm(dim=1)
    for start, block in similarity_blocks(rows, gallery.features, "cosine", memory_mb):
        part = slice(start, start + len(block))
        block /= lengths[part, None].to(block)
        same = torch.as_tensor(query.persons[part])[:, None] == ids
        across = same & (torch.as_tensor(query.cameras[part])[:, None] != cams)
        yield block, across.to(block.device), ~same.to(block.device)


def sides(table: Descriptors) -> tuple[Side, Side]:
    """Return queries and gallery of a test set, without junk.

    Raises:
        ValueError: One of them is all junk.
    """
    counted = table.persons != -1
    query = Side(*table.select(np.flatnonzero(table.is_query & counted)))
    gallery = Side(*table.select(np.flatnonzero(~table.is_query & counted)))
    if not len(query.persons) or not len(gallery.persons):
        raise ValueError("queries and gallery have to show somebody, but one of them is all junk")
    return query, gallery


@dataclass(frozen=True, eq=False)  # arrays have no single equality
class PairSimilarities:
    """Cosines of pairs of one person and of two people, as counts over a fine grid.

    So a similarity gets a meaning: the share of pairs of two people, impostors, that are as
    similar. It holds for people and cameras like those that it is of.

    Attributes:
        positives (np.ndarray): Pairs of one person in two cameras, by cosine from -1 to 1, (20000,)
            int64.
        negatives (np.ndarray): Pairs of two people, likewise.
        fingerprint (str): Of the model, ``ReIDInferencer.fingerprint``; '' where unknown.
    """

    positives: np.ndarray
    negatives: np.ndarray
    fingerprint: str = ""

    @classmethod
    def of_table(cls, table: Descriptors) -> "PairSimilarities":
        """Count the pairs of queries and gallery of a test set.

        Raises:
            ValueError: There is no pair of one person in two cameras, or none of two people.
        """
        return cls.of_sides(*sides(table))

    @classmethod
    @torch.no_grad()
    def of_sides(cls, query: Side, gallery: Side, fingerprint: str = "") -> "PairSimilarities":
        """Count the pairs of two sets of images; see :meth:`of_table`."""
        positives = torch.zeros(_BINS, dtype=torch.int64)
        negatives = torch.zeros(_BINS, dtype=torch.int64)
        for block, positive, negative in pair_blocks(query, gallery):
            positives += _count(block[positive])
            negatives += _count(block[negative] + ROUNDING)  # a tie counts against the pair
        if not positives.any() or not negatives.any():
            lacking = "two people" if positives.any() else "one person in two cameras"
            raise ValueError(
                f"there has to be a pair of {lacking}, but there is none; are persons and cameras "
                "known, and numbered alike?"
            )
        return cls(positives.numpy(), negatives.numpy(), fingerprint)

    def impostors_above(self, similarity: float | np.ndarray) -> np.ndarray:
        """Return the share of pairs of two people that are at least as similar, of any shape.

        It is from above: a pair in the same 10,000th counts. 0 says that none of them was.
        """
        above = _from_each_on(self.negatives)
        bins = (np.asarray(similarity, np.float64) + 1) / 2 * _BINS
        return above[np.clip(np.floor(bins), 0, _BINS).astype(int)] / self.negatives.sum()

    def accepted_above(self, similarity: float | np.ndarray) -> np.ndarray:
        """Return the share of pairs of one person that are more similar, of any shape."""
        above = _from_each_on(self.positives)
        bins = (np.asarray(similarity, np.float64) + 1) / 2 * _BINS
        return above[np.clip(np.ceil(bins - 1e-6), 0, _BINS).astype(int)] / self.positives.sum()

    def threshold(self, rate: float) -> float:
        """Return the lowest similarity above which at most a share of the impostors is.

        Args:
            rate (float): The share, a false positive rate in (0, 1).

        Raises:
            ValueError: It is out of range, or there are too few pairs to tell: less than one would
                be above.
        """
        if not 0 < rate < 1:
            raise ValueError(f"rate has to be between 0 and 1, but got {rate}")
        total = int(self.negatives.sum())
        if rate * total < 1:
            raise ValueError(
                f"rate has to be at least 1 / {total}, the number of pairs of two people, but got "
                f"{rate}; take more images, or a larger rate"
            )
        above = _from_each_on(self.negatives)
        return 2 * int(np.argmax(above <= rate * total)) / _BINS - 1

    def save(self, path: str | os.PathLike) -> None:
        """Write an .npz file that :meth:`load` reads."""
        arrays = {"positives": self.positives, "negatives": self.negatives}
        facts = {"pairs_format": np.array(_FORMAT), "fingerprint": np.array(self.fingerprint)}
        save_arrays(path, {**arrays, **facts})

    @classmethod
    def load(cls, path: str | os.PathLike, fingerprint: str | None = None) -> "PairSimilarities":
        """Read what :meth:`save` wrote; no code in the file is run.

        Args:
            path (str | PathLike): Of the file.
            fingerprint (str, optional): Of the model that similarities will be of; by default any.
                A file that does not know its model, as one of features, is taken.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: It is no such file, or of another model.
        """
        arrays = load_arrays(path)
        counts = [arrays.get(name, np.empty(0)) for name in ("positives", "negatives")]
        good = all(a.shape == (_BINS,) and a.dtype.kind == "i" and a.any() for a in counts)
        if not good or "pairs_format" not in arrays or any(a.min() < 0 for a in counts):
            raise ValueError(
                f"{path} has to hold similarities of pairs, as `mmvareid verification --out` "
                f"writes them, but holds {', '.join(arrays)}"
            )
        found = cls(counts[0], counts[1], str(arrays.get("fingerprint", "")))
        if fingerprint is not None and found.fingerprint not in ("", fingerprint):
            raise ValueError(
                f"{path} has similarities of the model {found.fingerprint!r}, but they are asked "
                f"for {fingerprint!r}; make it anew from a gallery of this model"
            )
        return found


def _from_each_on(counts: np.ndarray) -> np.ndarray:
    """Return how many pairs are in each bin and those above it, and 0 behind the last."""
    return np.append(counts[::-1].cumsum()[::-1], 0)


def _count(cosines: Tensor) -> Tensor:
    bins = ((cosines.double() + 1) / 2 * _BINS).floor().long().clamp(0, _BINS - 1)
    return torch.bincount(bins.cpu(), minlength=_BINS)
