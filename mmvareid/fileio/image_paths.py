"""Pictures in folders, by their paths."""

import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import print_log

# What OpenCV reads with 8 bits a channel, and Pillow tells the size of.
IMAGE_SUFFIXES = (
    ".jpg", ".jpeg", ".jpe", ".jp2", ".png", ".bmp", ".dib", ".webp", ".tif", ".tiff", ".gif",
    ".avif", ".pbm", ".pgm", ".ppm", ".pnm", ".sr", ".ras",
)  # fmt: skip
_SHOWN = 5  # names


def is_image_name(name: str) -> bool:
    """Tell by its ending whether a file is an image; hidden ones are not."""
    return name.lower().endswith(IMAGE_SUFFIXES) and not name.startswith(".")


def some_names(names: Sequence[str]) -> str:
    """Return the first names of many, for a message."""
    shown = ", ".join(map(printable, names[:_SHOWN]))
    return f"{shown}{', ...' if len(names) > _SHOWN else ''}"


def list_images(folder: str | os.PathLike) -> list[str]:
    """Return the paths of all images below a folder, sorted. Links are followed, into
    each folder once. Other files, but for hidden ones, are counted and named in the log.

    Raises:
        FileNotFoundError: There is no such folder.
        PermissionError: A folder in it cannot be read.
        ValueError: No image is in it.
    """
    root = Path(folder)
    if not root.is_dir():
        raise FileNotFoundError(f"the folder {root} does not exist")
    files = [(place, name) for place, names in _walk(root) for name in names]
    paths = sorted(os.path.join(place, name) for place, name in files if is_image_name(name))
    others = sorted(
        os.path.relpath(os.path.join(place, name), root)
        for place, name in files
        if not is_image_name(name) and not name.startswith(".")
    )
    if not paths:
        raise ValueError(
            f"the folder {root} has to hold images, which end in {', '.join(IMAGE_SUFFIXES)}, but "
            f"has {f'only {some_names(others)}' if others else 'none'}"
        )
    if others:
        print_log(
            f"{len(others)} files below {printable(root)} do not end as images do, and are left "
            f"out: {some_names(others)}",
            logger="current",
            level=logging.WARNING,
        )
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
    if isinstance(images, np.ndarray):
        return images
    if isinstance(images, Sequence):
        for i, image in enumerate(images):
            if not isinstance(image, str | os.PathLike | bytes | np.ndarray):
                raise TypeError(
                    f"images[{i}] has to be a path, bytes or an array (H, W, 3) uint8 BGR, but got "
                    f"{type(image).__name__}; np.asarray(image.convert('RGB'))[..., ::-1] makes "
                    "one of Pillow's"
                )
        return images
    raise TypeError(
        "images have to be a path, a folder, an array (H, W, 3), a batch (N, H, W, 3) or a "
        f"sequence of them, but got {type(images).__name__}"
    )
