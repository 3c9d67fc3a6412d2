"""Bodies as numbers that do not depend on where they stand in the image, or how large."""

import numpy as np

from .skeletons import LEFT, RIGHT, SWAPPED

_MIN_POINTS = 7  # of fourteen; with fewer, the spread of the points is not that of a body
_MAX_WIDTH = 3.0  # of shoulders to spread; from real images it is below 2
_FIRST, _SECOND = np.triu_indices(14, 1)


def normalise(points: np.ndarray) -> np.ndarray:
    """Centre points (N, 14, 2) on their mean, in units of their vertical spread.

    NaN marks a missing point. A body that lacks a shoulder, has fewer than seven points, or is too
    flat to be one is NaN as a whole.
    """
    found = np.isfinite(points[:, :, 0])
    count = np.maximum(found.sum(axis=1), 1)[:, None]
    centre = np.where(found[:, :, None], points, 0).sum(axis=1) / count  # (N, 2)
    moved = points - centre[:, None]
    spread = np.sqrt((np.where(found, moved[:, :, 1], 0) ** 2).sum(axis=1) / count[:, 0])
    shoulders = np.abs(points[:, LEFT[0], 0] - points[:, RIGHT[0], 0])
    # Points on one line have no spread but of rounding, and what is divided by it ruins all others.
    upright = (spread > 0) & (np.nan_to_num(shoulders) < _MAX_WIDTH * spread)
    whole = found[:, [LEFT[0], RIGHT[0]]].all(axis=1) & (count[:, 0] >= _MIN_POINTS) & upright
    return np.where(whole[:, None, None], moved / np.where(whole, spread, 1)[:, None, None], np.nan)


def shoulder_width(bodies: np.ndarray) -> np.ndarray:
    """Left shoulder's x less the right one's, (N,): positive where a person faces the camera."""
    return bodies[:, LEFT[0], 0] - bodies[:, RIGHT[0], 0]


def mirrored(bodies: np.ndarray) -> np.ndarray:
    """Bodies (N, 14, 2) in the mirror image: another one of the same viewpoint."""
    return turned(bodies * [-1, 1])


def turned(bodies: np.ndarray) -> np.ndarray:
    """Bodies with left and right exchanged: about what the same outline is from the other side."""
    return bodies[:, SWAPPED]


def shape_features(bodies: np.ndarray) -> np.ndarray:
    """Points and the differences of all pairs, ``(N, 14, 2)`` -> ``(N, 210)``."""
    pairs = bodies[:, _FIRST] - bodies[:, _SECOND]
    return np.concatenate([bodies, pairs], axis=1).reshape(len(bodies), -1)
