"""What is said to Milvus as text: filters, and paths."""

import re

import numpy as np

from .storage import Filters

FIELDS = {"persons": "person", "cameras": "camera", "viewpoints": "viewpoint", "times": "time"}
LONGEST = 65_535  # bytes of a path


def filter_expression(filters: Filters) -> str | None:
    """Return filters in Milvus's language; None where nothing can pass.

    >>> filter_expression(Filters.of((1, float("inf")), cameras=[1, 2]))
    'camera in [1, 2] and time >= 1.0'
    """
    parts = []
    for name, values in filters.members.items():
        if not len(values):
            return None
        parts.append(f"{FIELDS[name]} in {values.tolist()}")
    if filters.not_cameras is not None:
        parts.append(f"camera not in {filters.not_cameras.tolist()}")
    if filters.times is not None:
        most = np.finfo(np.float64).max
        first, last = np.clip(filters.times, -most, most).tolist()
        if first > -most or last == most:  # one of both, so that unknown times do not pass
            parts.append(f"time >= {first!r}")
        if last < most:
            parts.append(f"time <= {last!r}")
    return " and ".join(parts)


def encode_path(path: str) -> str:
    """Return a path as UTF-8 can hold it: names of other bytes, and backslashes, are escaped.

    Raises:
        ValueError: It is too long.
    """
    text = path.replace("\\", "\\\\").encode("utf-8", "backslashreplace").decode("utf-8")
    if len(text.encode()) > LONGEST:
        raise ValueError(f"a path has to have at most {LONGEST} bytes, but got {path[:60]}...")
    return text


def decode_path(text: str) -> str:
    """Return the path of :func:`encode_path`."""
    return re.sub(r"\\(\\|u([0-9a-f]{4}))", lambda m: chr(int(m[2], 16)) if m[2] else "\\", text)
