"""What a gallery keeps of each picture, checked."""

import json
import os
from collections.abc import Collection, Sequence

import numpy as np

# Column -> its type, and what stands where nothing is known.
COLUMNS: dict[str, tuple[type, float]] = {
    "persons": (np.int64, -1),
    "cameras": (np.int64, -1),
    "viewpoints": (np.int64, -1),
    "times": (np.float64, np.nan),
}
LAST_ID = 2**62 - 1  # so that the next one is in 64 bits too
_TOLERANCE = 1e-3  # of unit length


def as_column(name: str, values: Sequence | np.ndarray | None, number: int) -> np.ndarray:
    """Return the values of a column as an array (number,).

    Raises:
        ValueError: They are not numbers, of another length, or beyond 64 bits.
    """
    kind, unknown = COLUMNS[name]
    if values is None:
        return np.full(number, unknown, kind)
    array = np.asarray(values)
    if array.shape != (number,) or array.dtype.kind not in ("iu" if kind is np.int64 else "fiu"):
        what = "integers" if kind is np.int64 else "numbers"
        raise ValueError(
            f"{name} have to be {number} {what}, one a descriptor, but got {array.shape} "
            f"{array.dtype}"
        )
    if kind is not np.int64 and np.isinf(array).any():
        raise ValueError(f"{name} have to be finite, or NaN where unknown, but got inf")
    return _as_int64(name, array) if kind is np.int64 else array.astype(kind)


def as_integers(name: str, values: Collection[int]) -> np.ndarray:
    """Return ids, or the values of a filter, as int64 (n,).

    Raises:
        ValueError: They are no collection, or not integers; a mask of booleans is not either.
    """
    if isinstance(values, (str, bytes)) or not isinstance(values, Collection):
        raise ValueError(f"{name} have to be a list of integers, but got {values!r}")
    array = values if isinstance(values, np.ndarray) else np.asarray(list(values))
    if array.shape == (0,):
        return np.empty(0, np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise ValueError(
            f"{name} have to be a list of integers, but got {array.shape} {array.dtype}"
        )
    return _as_int64(name, array)


def as_ids(ids: Sequence[int] | np.ndarray, number: int) -> np.ndarray:
    """Return ids of the user's as int64 (number,).

    Raises:
        ValueError: They are not integers from 0 on, of another number, or not unique.
    """
    array = as_integers("ids", ids)
    if len(array) != number:
        raise ValueError(f"ids have to be {number}, one a descriptor, but got {len(array)}")
    if array.min(initial=0) < 0:
        raise ValueError(f"ids have to be at least 0, but got {array.min()}")
    if array.max(initial=0) >= LAST_ID:
        raise ValueError(f"ids have to be below 2**62, but got {array.max()}")
    if len(np.unique(array)) != number:
        raise ValueError("ids have to be unique, but one is there twice")
    return array


def _as_int64(name: str, array: np.ndarray) -> np.ndarray:
    if array.size and array.max() > np.iinfo(np.int64).max:  # uint64 would wrap to negative
        raise ValueError(f"{name} have to be below 2**63, but got {array.max()}")
    return array.astype(np.int64)


def check_times(times: tuple[float, float]) -> tuple[float, float]:
    """Return the first and the last time of a filter.

    Raises:
        ValueError: They are not two numbers; infinite ones leave a side open.
    """
    first_last = np.asarray(times) if isinstance(times, Sequence | np.ndarray) else np.empty(0)
    kind = first_last.dtype.kind
    if first_last.shape != (2,) or kind not in "fiu" or np.isnan(first_last).any():
        raise ValueError(
            "times have to be two numbers, the first and the last, where -inf and inf leave a "
            f"side open, but got {times!r}"
        )
    return first_last[0].item(), first_last[1].item()


def check_features(features: np.ndarray, width: int | None) -> np.ndarray:
    """Return unit descriptors (N, D) as contiguous float32, the given array itself if it is so.

    Raises:
        ValueError: They are of another shape, of another D than ``width``, or not of unit length.
    """
    array = np.asarray(features)
    if array.ndim != 2 or not array.size or array.dtype.kind != "f":
        raise ValueError(
            f"features have to be floats of shape (N, D), but got {array.shape} {array.dtype}"
        )
    check_width(array, width)
    array = np.ascontiguousarray(array, np.float32)
    lengths = np.linalg.norm(array, axis=1)
    wrong = np.flatnonzero(~(np.abs(lengths - 1) < _TOLERANCE))
    if len(wrong):
        raise ValueError(
            f"features have to be of unit length, but row {wrong[0]} has {lengths[wrong[0]]} "
            f"({len(wrong)} such); divide each by its norm, and leave out rows of NaN"
        )
    return array


def check_width(features: np.ndarray, width: int | None) -> None:
    """Raise ``ValueError`` if descriptors (N, D) are of another D than those of a gallery."""
    if width is not None and features.shape[1] != width:
        raise ValueError(
            f"features have to have the gallery's {width} numbers, but got {features.shape[1]}; "
            "are they of another model?"
        )


def check_paths(paths: Sequence[str | os.PathLike], number: int) -> list[str]:
    """Return ``number`` paths as strings.

    Raises:
        ValueError: They are of another number, not paths, or a single one.
    """
    if isinstance(paths, (str, bytes, os.PathLike)):
        raise ValueError(f"paths have to be a list, one a descriptor, but got {paths!r}")
    try:
        names = [os.fsdecode(path) for path in paths]
    except TypeError as error:
        raise ValueError(f"paths have to be a list of str or PathLike, but: {error}") from error
    if len(names) != number:
        raise ValueError(f"paths have to be {number}, one a descriptor, but got {len(names)}")
    return names


def encode_paths(paths: list[str]) -> np.ndarray:
    """Return paths as bytes of JSON, (n,) uint8, which keeps any name a file may have."""
    return np.frombuffer(json.dumps(paths).encode("ascii"), np.uint8)


def decode_paths(data: np.ndarray) -> list[str]:
    """Return the paths of :func:`encode_paths`.

    Raises:
        ValueError: They are no list of strings.
    """
    try:
        paths = json.loads(data.tobytes())
    except RecursionError as error:
        raise ValueError("its paths are nested too deeply") from error
    if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
        raise ValueError("its paths are no list of strings")
    return paths
