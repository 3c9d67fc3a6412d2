"""What a search gives back."""

from dataclasses import dataclass

import numpy as np

from .columns import COLUMNS
from .storage import Found


@dataclass(frozen=True)
class Hit:
    """A picture of the gallery that was found; -1, NaN and '' where nothing is known."""

    id: int
    similarity: float  # cosine
    path: str
    person: int
    camera: int
    viewpoint: int
    time: float


def hits_of(near: Found, k: int, least: float) -> list[Hit]:
    """Return the first k pictures that are more similar than ``least``."""
    similarities, pictures = near
    kept = np.flatnonzero(similarities > least)[:k]
    pictures = pictures.take(kept)
    columns = [pictures.columns[name].tolist() for name in COLUMNS]  # in the order of Hit's fields
    ids, values = pictures.ids.tolist(), similarities[kept].tolist()
    return [Hit(*row) for row in zip(ids, values, pictures.paths, *columns, strict=True)]
