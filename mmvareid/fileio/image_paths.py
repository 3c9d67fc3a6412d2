"""Pictures in folders, by their paths."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp")


def list_images(folder: str | os.PathLike) -> list[str]:
    """Return the paths of all images below a folder, sorted. Links are followed, into
    each folder once.

    Raises:
        FileNotFoundError: There is no such folder.
        PermissionError: A folder in it cannot be read.
        ValueError: No image is in it.
    """
    root = Path(folder)
    if not root.is_dir():
        raise FileNotFoundError(f"the folder {root} does not exist")
    paths = sorted(
        os.path.join(place, name)
        for place, names in _walk(root)
        for name in names
        if name.lower().endswith(IMAGE_SUFFIXES) and not name.startswith(".")
    )
    if not paths:
        raise ValueError(f"the folder {root} has to hold {', '.join(IMAGE_SUFFIXES)}, but has none")
    return paths


def _walk(root: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield each folder with its files; one that links lead to twice is there once."""

    def stop(error: OSError) -> None:
        raise error

    seen = set()
    for place, folders, names in os.walk(root, followlinks=True, onerror=stop):
        folders.sort()
        real = os.path.realpath(place)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        yield place, names


def without_ending(name: str) -> str:
    """Return a name without its ending, if that is one of an image: ``0001_c1.2`` has none."""
    stem, ending = os.path.splitext(name)
    return stem if ending.lower() in IMAGE_SUFFIXES else name


def printable(path: str | os.PathLike) -> str:
    """Return a path that any terminal takes: bytes that are no UTF-8 are written as escapes."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def expand(images: Any) -> Sequence | np.ndarray:
    """Return what a caller gave as a sequence of paths, bytes or arrays.

    Args:
        images: A path, a folder, an array (H, W, 3), a batch (N, H, W, 3), or a sequence of
            paths and arrays.
    """
    if isinstance(images, str | os.PathLike):
        if not os.fspath(images):
            raise ValueError("images have to be a path, but got an empty one")
        return list_images(images) if Path(images).is_dir() else [images]
    if isinstance(images, bytes) or (isinstance(images, np.ndarray) and images.ndim < 4):
        return [images]
    if isinstance(images, np.ndarray | Sequence):
        return images
    raise TypeError(
        "images have to be a path, a folder, an array (H, W, 3), a batch (N, H, W, 3) or a "
        f"sequence of them, but got {type(images).__name__}"
    )
