"""What a gallery keeps of each picture, checked."""

import json
from collections.abc import Sequence

import numpy as np

# Column -> its type, and what stands where nothing is known.
COLUMNS: dict[str, tuple[type, float]] = {
    "persons": (np.int64, -1),
    "cameras": (np.int64, -1),
    "viewpoints": (np.int64, -1),
    "times": (np.float64, np.nan),
}
_TOLERANCE = 1e-3  # of unit length


def as_column(name: str, values: Sequence | np.ndarray | None, number: int) -> np.ndarray:
    """Return the values of a column as an array (number,).

    Raises:
        ValueError: They are not numbers, or of another length.
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
    return array.astype(kind)


def check_features(features: np.ndarray, width: int | None) -> np.ndarray:
    """Return unit descriptors (N, D) as contiguous float32.

    Raises:
        ValueError: They are of another shape, of another D than ``width``, or not of unit length.
    """
    array = np.asarray(features)
    if array.ndim != 2 or not array.size or array.dtype.kind != "f":
        raise ValueError(
            f"features have to be floats of shape (N, D), but got {array.shape} {array.dtype}"
        )
    if width is not None and array.shape[1] != width:
        raise ValueError(
            f"features have to have the gallery's {width} numbers, but got {array.shape[1]}; are "
            "they of another model?"
        )
    array = np.ascontiguousarray(array, np.float32)
    lengths = np.linalg.norm(array, axis=1)
    wrong = np.flatnonzero(~(np.abs(lengths - 1) < _TOLERANCE))
    if len(wrong):
        raise ValueError(
            f"features have to be of unit length, but row {wrong[0]} has {lengths[wrong[0]]} "
            f"({len(wrong)} such); divide each by its norm, and leave out rows of NaN"
        )
    return array


def encode_paths(paths: list[str]) -> np.ndarray:
    """Return paths as bytes of JSON, (n,) uint8, which keeps any name a file may have."""
    return np.frombuffer(json.dumps(paths).encode("ascii"), np.uint8)


def decode_paths(data: np.ndarray) -> list[str]:
    """Return the paths of :func:`encode_paths`.

    Raises:
        ValueError: They are no list of strings.
    """
    paths = json.loads(data.tobytes())
    if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
        raise ValueError("its paths are no list of strings")
    return paths
