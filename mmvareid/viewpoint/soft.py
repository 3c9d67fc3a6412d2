"""Viewpoints as weights over V views, since a viewpoint is a continuous value."""

import csv
import re
from collections.abc import Callable, Sequence
from functools import partial
from os import PathLike
from pathlib import Path

import numpy as np

from .names import view_names
from .reading import base_name, load_fine_viewpoints

# Where each fine name lies between front, 0, and back, 1 (Assumption 2 of VA-reID).
# Noise is filed under side by the authors.
PLACES = {
    "front": 0.0, "front_side": 0.25, "side": 0.5, "back_side": 0.75, "back": 1.0, "noise": 0.5
}  # fmt: skip
SOURCES = ("name", "confidence", "yaw")
Weigh = Callable[[dict[str, str]], np.ndarray]


def load_soft_viewpoints(
    path: str | PathLike, source: str, num_views: int = 3, all_round: bool = False
) -> dict[str, np.ndarray]:
    """Read a viewpoint file as weights of V views.

    The views lie at equal steps from front to back, both sides alike; V = 3 is front, side and
    back, V = 5 has front_side and back_side too. ``all_round`` puts them around the person instead,
    view v at the yaw 360° v / V. What lies between two views is shared between them by distance.

    Args:
        path (str | PathLike): A viewpoint file, see :func:`load_viewpoints`; a CSV for
            ``'confidence'`` and ``'yaw'``.
        source (str): ``'name'`` takes the fine names, such as front_side; ``'confidence'`` the
            columns of :func:`.view_names` that our tools write: front, side, back;
            ``'yaw'`` the column yaw, in degrees, 0 facing the camera.
        num_views (int): V, 2 or more.
        all_round (bool): For ``'yaw'`` only, as the others do not tell left from right.

    Returns:
        dict[str, np.ndarray]: Image name -> (V,) float32 that sums to 1, or is 0 where unknown.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: An argument is out of range, or the file lacks what ``source`` needs.
    """
    if source not in SOURCES:
        raise ValueError(
            f"the source of soft viewpoints has to be one of {SOURCES}, got {source!r}"
        )
    if num_views < 2:
        raise ValueError(f"num_views of soft viewpoints has to be at least 2, but got {num_views}")
    if all_round and source != "yaw":
        raise ValueError(f"all_round has to have the source 'yaw', but got {source!r}")
    named = load_fine_viewpoints(path)  # checks the file, whatever is taken from it
    if source == "name":
        return {
            name: np.zeros(num_views, np.float32)
            if label == -1
            else _by_name(path, name, fine, num_views)
            for name, (label, fine) in named.items()
        }
    if source == "confidence":
        weigh: Weigh = partial(_by_confidence, names=view_names(num_views))
    else:
        weigh = partial(_by_yaw, num_views=num_views, all_round=all_round)
    return _read_columns(path, source, num_views, weigh)


def yaw_weights(yaw: np.ndarray, num_views: int, all_round: bool = False) -> np.ndarray:
    """Weights (N, V) of yaws (N,) in degrees; see :func:`load_soft_viewpoints`."""
    yaw = np.asarray(yaw, np.float64) % 360
    if all_round:
        place, last = yaw / 360 * num_views, num_views
    else:
        place, last = np.minimum(yaw, 360 - yaw) / 180 * (num_views - 1), num_views - 1
    before = np.minimum(np.floor(place), last - 1).astype(int)
    share = (place - before)[:, None]
    views = np.eye(num_views)
    weights = (1 - share) * views[before] + share * views[(before + 1) % num_views]
    return weights.astype(np.float32)


def mirror_weights(weights: np.ndarray) -> np.ndarray:
    """Weights (V,) of an all-round viewpoint once the image is mirrored: yaw becomes -yaw."""
    return np.roll(weights[::-1], 1)


def _by_name(path: str | PathLike, name: str, fine: str | None, num_views: int) -> np.ndarray:
    if fine not in PLACES:
        raise ValueError(
            "soft viewpoints by name need a fine name of every known image, one of "
            f"{', '.join(PLACES)}, but '{path}' gives {name} {fine!r}"
        )
    return yaw_weights(np.array([180 * PLACES[fine]]), num_views)[0]


def _by_confidence(row: dict[str, str], names: Sequence[str]) -> np.ndarray:
    found = np.array([float(row[name]) for name in names])
    if not (np.isfinite(found).all() and (found >= 0).all()):
        raise ValueError
    return (found / max(found.sum(), 1e-12)).astype(np.float32)


def _by_yaw(row: dict[str, str], num_views: int, all_round: bool) -> np.ndarray:
    if not row["yaw"].strip():
        return np.zeros(num_views, np.float32)
    yaw = float(row["yaw"])
    if not np.isfinite(yaw):
        raise ValueError
    return yaw_weights(np.array([yaw]), num_views, all_round)[0]


def _check_views(path: Path, header: Sequence[str], num_views: int) -> None:
    """Raise ``ValueError`` if a file has the confidence of other views too, which would be lost."""
    views = [name for name in header if re.fullmatch(r"front|side|back|view\d+", name)]
    if len(views) > num_views:
        raise ValueError(
            f"num_views of soft viewpoints by confidence has to be that of '{path}', which has "
            f"{len(views)}, {', '.join(views)}, but got {num_views}; set num_views={len(views)}"
        )


def _read_columns(
    path: str | PathLike, source: str, num_views: int, weigh: Weigh
) -> dict[str, np.ndarray]:
    path = Path(path).expanduser()
    if path.suffix.lower() != ".csv":
        raise ValueError(f"soft viewpoints by {source} have to come from a .csv, but got '{path}'")
    found = {}
    with path.open(newline="", encoding="utf-8-sig") as file:
        if source == "confidence":
            _check_views(path, next(csv.reader(file)), num_views)
            file.seek(0)
        for number, row in enumerate(csv.DictReader(file), start=2):
            name = next(row[key] for key in ("filename", "image", "name") if key in row)
            try:
                found[base_name(name)] = weigh(row)
            except KeyError as error:
                raise ValueError(
                    f"soft viewpoints by {source} need the column {error}, but '{path}' has "
                    f"{', '.join(row)}"
                ) from error
            except ValueError as error:
                raise ValueError(
                    f"row {number} of '{path}' has to give {source} as finite numbers, but got "
                    f"{row}"
                ) from error
    return found
