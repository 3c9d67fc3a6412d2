"""Images read from files: whole, of a size that fits, or an error."""

import io
import os
from collections.abc import Callable
from typing import Any

import mmcv
import numpy as np
from PIL import Image, UnidentifiedImageError

MAX_PIXELS = 2**26  # 8192 x 8192; crops of people have some thousands
JPEG_START, JPEG_SCAN, JPEG_END = b"\xff\xd8", b"\xff\xda", b"\xff\xd9"


class UnreadableImageError(ValueError):
    """An image is missing, cut off, or does not decode."""


def read_whole(path: str) -> bytes | None:
    """Return the file's bytes; None if it is missing, empty, or a JPEG that was cut off.

    OpenCV 4 decodes a JPEG that was cut off, fills the missing rows with grey and raises nothing.
    The end marker cannot occur within a scan, so it has to stand behind the last scan's start;
    what follows it is padding.
    """
    try:
        with open(path, "rb") as file:  # pathlib takes a third of the time that decoding takes
            data = file.read()
    except OSError:
        return None
    if data.startswith(JPEG_START) and data.rfind(JPEG_END) <= data.rfind(JPEG_SCAN):
        return None
    return data or None


def decodes(data: bytes) -> bool:
    """Tell whether a whole file decodes as an image."""
    try:
        return mmcv.imfrombytes(data) is not None
    except Exception:  # None is the rule, but OpenCV raises on a header of absurd size
        return False


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


def run_pipeline(pipeline: Callable[[dict], Any], info: dict) -> Any:
    """Run a pipeline on the image ``info["img_path"]``, whose bytes it gets as ``img_bytes``.

    Raises:
        UnreadableImageError: It is the image's fault; other errors are raised as they are.
    """
    path = info["img_path"]
    data = read_whole(path)
    if data is not None:
        try:
            return pipeline({**info, "img_bytes": data})
        except Exception:
            if decodes(data):
                raise
    raise UnreadableImageError(path)
