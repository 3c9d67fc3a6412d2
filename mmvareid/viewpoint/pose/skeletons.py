"""Body points of several layouts, as the fourteen that they share."""

import numpy as np

HEAD, NECK = 0, 1
RIGHT, LEFT = [2, 3, 4, 8, 9, 10], [5, 6, 7, 11, 12, 13]  # shoulder to wrist, hip to ankle
SWAPPED = [HEAD, NECK, *LEFT[:3], *RIGHT[:3], *LEFT[3:], *RIGHT[3:]]

# Which points of a layout, by its number of points, make head, neck, right arm, left arm, right
# leg, left leg. Where it is several, their mean.
LAYOUTS: dict[int, list[list[int]]] = {
    # Market-1501's body points: as the fourteen
    14: [[i] for i in range(14)],
    # COCO: nose, eyes, ears; then left and right in turn
    17: [[0, 1, 2, 3, 4], [5, 6], *([i] for i in (6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15))],
    # OpenPose, COCO model: nose, neck, right arm, left arm, right leg, left leg, eyes, ears
    18: [[0, 14, 15, 16, 17], *([i] for i in range(1, 14))],
    # OpenPose, BODY_25: the same with a middle hip before the legs
    25: [[0, 15, 16, 17, 18], *([i] for i in range(1, 8)), *([i] for i in range(9, 15))],
}


def as_fourteen(points: np.ndarray, min_score: float = 0.0) -> np.ndarray:
    """Convert points (N, J, 2 or 3) to ``(N, 14, 2)`` float64, NaN where a point is missing.

    Missing is a point that is not finite, has a score of at most ``min_score``, or has no score and
    is exactly (0, 0), as OpenPose writes it.

    Args:
        points (np.ndarray): x to the right, y down, and maybe a score; J is 14, 17, 18 or 25.
        min_score (float): Points above it count. Defaults to 0.

    Raises:
        ValueError: The shape is another.
    """
    points = np.asarray(points, dtype=np.float64)
    if points.ndim != 3 or points.shape[1] not in LAYOUTS or points.shape[2] not in (2, 3):
        raise ValueError(
            f"points has to be of shape (N, J, 2 or 3) with J one of {sorted(LAYOUTS)}, but got "
            f"{points.shape}"
        )
    found = np.isfinite(points).all(axis=2)
    if points.shape[2] == 3:
        found &= points[:, :, 2] > min_score
    else:
        found &= (points != 0).any(axis=2)
    places = np.where(found[:, :, None], points[:, :, :2], np.nan)
    parts = [_mean(places[:, part]) for part in LAYOUTS[points.shape[1]]]
    return np.stack(parts, axis=1)


def _mean(places: np.ndarray) -> np.ndarray:
    """Mean (N, 2) of those of (N, P, 2) that are there."""
    there = ~np.isnan(places)
    count = there.sum(axis=1)
    total = np.where(there, places, 0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
