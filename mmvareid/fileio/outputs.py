"""Whether outputs can be written, asked before the work that makes them."""

import argparse
import os
import tempfile
from collections.abc import Collection
from pathlib import Path


def check_output(path: str | os.PathLike, endings: Collection[str] = ()) -> None:
    """Make the folder of a file, and try whether the file can be written in it.

    Nothing is written. Devices, such as ``/dev/stdout``, are taken as they are.

    Args:
        path (str | PathLike): File that will be written, or written over.
        endings (Collection[str]): What it may end in, such as ``.npz``; any by default.

    Raises:
        ValueError: It has another ending, or is a folder.
        OSError: Its folder cannot be made, or nothing can be written there.
    """
    place = Path(path)
    if endings and place.suffix.lower() not in endings:
        raise ValueError(f"{place} has to end in {' or '.join(endings)}; name it so")
    if place.is_dir():
        raise ValueError(f"{place} has to be a file to write, but is a folder; name a file in it")
    if place.exists() and not place.is_file():
        return
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.exists() and not os.access(place, os.W_OK):
            raise PermissionError("it is there, and may not be written over")
        with tempfile.TemporaryFile(dir=place.parent):
            pass
    except OSError as error:
        reason = error.strerror or error
        raise type(error)(f"{place} has to be a file that can be written, but: {reason}") from error


def check_outputs(
    parser: argparse.ArgumentParser,
    *paths: str | os.PathLike | None,
    endings: Collection[str] = (),
) -> None:
    """Check what a tool is to write, and end with the parser's error where one cannot be.

    Args:
        parser (ArgumentParser): Of the tool, whose arguments are parsed.
        *paths (str | PathLike | None): As of :func:`check_output`; None is left out.
        endings (Collection[str]): See there.
    """
    for path in paths:
        try:
            if path is not None:
                check_output(path, endings)
        except (ValueError, OSError) as error:
            parser.error(str(error))
