"""Images read from files: whole, of a size that fits, or an error."""

import io
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import mmcv
import numpy as np
from PIL import Image, UnidentifiedImageError

from .whole_files import whole_file

PICTURE_ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")  # to write
_ORIENTATION, _LYING = 0x112, 5  # EXIF's tag; from 5 on width and height are exchanged
MAX_PIXELS = 2**26  # 8192 x 8192; crops of people have some thousands
JPEG_START, JPEG_END = b"\xff\xd8", b"\xff\xd9"
# A marker is FF, maybe several times, and a byte; FF 00 is a pixel's, FF D0 to D7 parts of a scan.
_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])", re.DOTALL)
_ALONE = (b"\xd8", b"\x01")  # markers without a segment


class UnreadableImageError(ValueError):
    """An image is missing, cut off, or does not decode."""


def read_whole(path: str) -> bytes | None:
    """Return the file's bytes; None if it is missing, empty, or a JPEG that was cut off.

    OpenCV 4 decodes a JPEG that was cut off, fills the missing rows with grey and raises nothing.
    """
    try:
        with open(path, "rb") as file:  # pathlib takes a third of the time that decoding takes
            data = file.read()
    except OSError:
        return None
    if data.startswith(JPEG_START) and not _has_end(data):
        return None
    return data or None


def _has_end(jpeg: bytes) -> bool:
    """Tell whether a JPEG's segments and scans lead to its end marker.

    What follows the marker is not looked at: phones put a film there. Within a segment, such as
    one with a small picture, the marker's bytes are no marker; within a scan they cannot occur.
    """
    place = len(JPEG_START)
    while marker := _MARKER.search(jpeg, place):
        kind, place = marker[1], marker.end()
        if kind == JPEG_END[1:]:
            return True
        if kind not in _ALONE:  # all others tell their length; a scan's data follow its header
            place += int.from_bytes(jpeg[place : place + 2], "big")
    return False


def decodes(data: bytes) -> bool:
    """Tell whether a whole file decodes as an image."""
    try:
        return mmcv.imfrombytes(data) is not None
    except Exception:  # None is the rule, but OpenCV raises on a header of absurd size
        return False


def image_size(path: str | os.PathLike) -> tuple[int, int]:
    """Return width and height of an image as it is read: turned as its EXIF says.

    Raises:
        UnreadableImageError: The file is missing or no image; it is not decoded.
    """
    try:
        with Image.open(path) as image:
            turned = image.getexif().get(_ORIENTATION, 1) >= _LYING
            return image.size[::-1] if turned else image.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UnreadableImageError(f"{path} is missing or no image: {error}") from error


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


def write_picture(path: str | os.PathLike, image: np.ndarray) -> None:
    """Write pixels (H, W, 3) uint8 BGR; an older file stays whole until the new one is.

    ``cv2.imwrite`` returns False where it could not, and writes on.

    Raises:
        ValueError: OpenCV writes no files of this ending, or none of this size.
        OSError: The file cannot be written.
    """
    place = Path(path)
    try:
        done, data = cv2.imencode(place.suffix, image)
    except cv2.error:
        done = False
    if not done:
        raise ValueError(
            f"{place} has to end in .png or .jpg, and its picture to have at most 65,535 rows for "
            f"the latter, but got {image.shape[0]} x {image.shape[1]} pixels"
        )
    with whole_file(place) as part:
        part.write_bytes(data.tobytes())


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
