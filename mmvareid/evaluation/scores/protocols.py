"""Who searches among whom: protocols that split a test set by viewpoint.

Each takes the viewpoints (N,), -1 where unknown, and whether a person may be searched for (N,),
which distractors may not, of D = queries and gallery together. Each yields the views it is about,
query indices and gallery indices. Images of unknown viewpoint are in none of them.
"""

from collections.abc import Iterator

import numpy as np

Trial = tuple[tuple[int, ...], np.ndarray, np.ndarray]


def single_view(
    persons: np.ndarray,
    viewpoints: np.ndarray,
    searched: np.ndarray,
    draws: int = 10,
    seed: int = 0,
) -> Iterator[Trial]:
    """Within one viewpoint; supplementary Table 1 of VA-reID.

    One image of each person, drawn at random, is a query, and the others are the gallery. Yields
    ``((view,), ...)``, each view ``draws`` times.
    """
    rng = np.random.default_rng(seed)
    for view in _views(viewpoints):
        inside = np.flatnonzero(viewpoints == view)
        for _ in range(draws):
            query = one_of_each(inside, persons, rng)
            query = np.sort(query[searched[query]])
            yield (view,), query, np.setdiff1d(inside, query)


def one_of_each(index: np.ndarray, persons: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw one image of each person among some images, by indices into ``persons`` (N,)."""
    shuffled = rng.permutation(index)
    _, first = np.unique(persons[shuffled], return_index=True)
    return shuffled[first]


def cross_view(viewpoints: np.ndarray, searched: np.ndarray) -> Iterator[Trial]:
    """From one viewpoint to all others; supplementary Table 2 of VA-reID.

    Yields ``((view,), ...)``: queries of the view, the gallery of the other known ones.
    """
    for view in _views(viewpoints):
        query = np.flatnonzero((viewpoints == view) & searched)
        yield (view,), query, np.flatnonzero((viewpoints != view) & (viewpoints >= 0))


def view_pairs(viewpoints: np.ndarray, searched: np.ndarray) -> Iterator[Trial]:
    """From each viewpoint to each: the cells of the viewpoint matrix.

    Yields ``((query view, gallery view), ...)``. In a cell of one view a query is in the gallery
    too, where its own camera has it ignored.
    """
    for view in _views(viewpoints):
        query = np.flatnonzero((viewpoints == view) & searched)
        for other in _views(viewpoints):
            yield (view, other), query, np.flatnonzero(viewpoints == other)


def _views(viewpoints: np.ndarray) -> list[int]:
    return np.unique(viewpoints[viewpoints >= 0]).tolist()
