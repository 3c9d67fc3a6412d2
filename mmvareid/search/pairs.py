"""How similar a gallery's own pictures are."""

import numpy as np
import torch

from mmvareid.evaluation import PairSimilarities
from mmvareid.evaluation.scores.pair_similarities import Side

from .storage import Pictures, Storage

_DRAWN = 5_000  # pictures whose pairs with all are looked at


def stored_pairs(storage: Storage) -> PairSimilarities:
    """Count the pairs of stored pictures, see :meth:`.Gallery.pair_similarities`."""
    parts = []
    for part in storage.batches():
        known = (part.columns["persons"] >= 0) & (part.columns["cameras"] >= 0)
        parts.append(part.take(np.flatnonzero(known)))
    pictures = Pictures.join(parts)
    if not len(pictures):
        raise ValueError(
            "the gallery has to have pictures whose person and camera are known, but has none"
        )
    drawn = np.random.default_rng(0).permutation(len(pictures))[:_DRAWN]
    some, every = _side(pictures.take(drawn)), _side(pictures)
    return PairSimilarities.of_sides(some, every, storage.fingerprint)


def _side(pictures: Pictures) -> Side:
    columns = pictures.columns
    return Side(torch.as_tensor(pictures.features), columns["persons"], columns["cameras"])
