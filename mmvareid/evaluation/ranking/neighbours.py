"""The nearest images of each image, in blocks."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .similarity import similarity_blocks, squared_norms


@dataclass(frozen=True)
class Neighbours:
    """What is nearest to each of N images, itself among them, by squared distance.

    Attributes:
        index (np.ndarray): ``(N, k)``, the nearest first, at ties the lower index.
        distance (np.ndarray): ``(N, k)``, squared.
        farthest (np.ndarray): Squared distance of the farthest image, ``(N,)``, above 0.
    """

    index: np.ndarray
    distance: np.ndarray
    farthest: np.ndarray


def find_neighbours(
    features: Tensor,
    number: int,
    memory_mb: float | None = None,
    squares: Tensor | None = None,
) -> Neighbours:
    """Find the ``number`` nearest of features (N, D) to each of them, fewer if N is smaller.

    ``squares`` are the features' :func:`.squared_norms`, where they are known.
    """
    if squares is None:
        squares = squared_norms("gallery", features, features.dtype)
    blocks = neighbour_blocks(features, squares, number, memory_mb)
    parts = [[column.cpu().numpy() for column in block] for block in blocks]
    return Neighbours(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def neighbour_blocks(
    features: Tensor, squares: Tensor, number: int, memory_mb: float | None
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Yield what :class:`Neighbours` holds of one block of images after the other, as tensors."""
    number = min(number, len(features))
    blocks = similarity_blocks(features, features, "euclidean", memory_mb, squares)
    for start, similarity in blocks:
        # One more than needed shows whether there is a tie for the last place.
        values, index = similarity.topk(min(number + 1, len(features)))
        index, order = index.sort(dim=1)
        values, order = values.gather(1, order).sort(dim=1, descending=True, stable=True)
        index = index.gather(1, order)
        if number < len(features):  # topk may take any of those that tie
            tied = (values[:, number - 1] == values[:, number]).nonzero().squeeze(1)
            for rows in tied.split(64):
                ordered = similarity[rows].argsort(dim=1, descending=True, stable=True)
                index[rows] = ordered[:, : number + 1]
        own = squares[start : start + len(similarity)]
        distance = (own[:, None] - 2 * values[:, :number]).clamp(min=0)
        farthest = (own - 2 * similarity.amin(dim=1)).clamp(min=torch.finfo(own.dtype).tiny)
        yield index[:, :number], distance, farthest
