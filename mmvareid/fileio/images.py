"""Pictures that come from anywhere: found in folders, and read with a limit."""

import io
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import mmcv
import numpy as np
from PIL import Image, UnidentifiedImageError

from mmvareid.datasets.reid_dataset import IMAGE_SUFFIXES
from mmvareid.datasets.tolerant_dataset import UnreadableImageError, read_whole

MAX_PIXELS = 2**26  # 8192 x 8192; crops of people have some thousands


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


def printable(path: str | os.PathLike) -> str:
    """Return a path that any terminal takes: bytes that are no UTF-8 are written as escapes."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def read_image(source: str | os.PathLike | np.ndarray | bytes) -> np.ndarray:
    """Return an image as (H, W, 3) uint8 BGR.

    Args:
        source (str | PathLike | np.ndarray | bytes): A file's path or its bytes; or an array
            (H, W, 3) uint8 BGR, which is returned as it is.

    Raises:
        UnreadableImageError: The file is missing, cut off, no image, or larger than
            ``MAX_PIXELS``, which its header tells before anything is unpacked.
        TypeError: An array is of another shape or type.
    """
    if isinstance(source, np.ndarray):
        if source.dtype != np.uint8 or source.ndim != 3 or source.shape[2] != 3 or not source.size:
            raise TypeError(
                "an image has to be an array of shape (H, W, 3) and uint8, in BGR, but got "
                f"{source.shape} {source.dtype}"
            )
        return source
    name = "the image" if isinstance(source, bytes) else os.fspath(source)
    data = source if isinstance(source, bytes) else read_whole(name)
    if data is None:
        raise UnreadableImageError(f"{name} is missing or cut off")
    try:
        width, height = Image.open(io.BytesIO(data)).size
        if width * height > MAX_PIXELS:
            raise UnreadableImageError(
                f"{name} has {width} x {height} pixels, more than {MAX_PIXELS}; make it smaller"
            )
        image = mmcv.imfrombytes(data)
    except UnreadableImageError:
        raise
    except (UnidentifiedImageError, Image.DecompressionBombError):
        image = None
    except Exception as error:  # decoders of broken files raise whatever they like
        raise UnreadableImageError(f"{name} does not decode: {error}") from error
    if image is None:
        raise UnreadableImageError(f"{name} is no image, or larger than {MAX_PIXELS} pixels")
    return image


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
