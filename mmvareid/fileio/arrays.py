"""Files of named arrays (.npz) that are whole or not there, and whose reading runs no code."""

import os
import zipfile
import zlib
from pathlib import Path

import numpy as np

from .whole_files import whole_file

# Deflate packs at most 1,032 to 1; columns of ids come near it, features do not.
_BOMB_RATIO, _BOMB_BYTES = 100, 2**30


def save_arrays(path: str | os.PathLike, arrays: dict[str, np.ndarray]) -> None:
    """Write an .npz file; an older one stays whole until the new one is on the disk.

    Raises:
        ValueError: The name does not end in .npz, so that :func:`load_arrays` would refuse it.
    """
    _check_suffix(path)
    with whole_file(path) as part, part.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]  # numpy's stubs know no names


def load_arrays(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Read an .npz file of plain arrays.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no such file, is cut short, holds objects, or unpacks to far more than it
            takes on the disk.
    """
    _check_suffix(path)
    try:
        with zipfile.ZipFile(path) as archive:
            _refuse_bombs(archive.infolist())
        with np.load(path, allow_pickle=False) as file:
            return dict(file)
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} has to be an .npz file, but does not exist") from None
    except (
        ValueError,
        OSError,
        EOFError,
        MemoryError,
        NotImplementedError,
        RuntimeError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise ValueError(
            f"{path} has to be an .npz file of plain arrays, but reading it failed: {error}"
        ) from error


def _check_suffix(path: str | os.PathLike) -> None:
    if Path(path).suffix != ".npz":
        raise ValueError(f"{path} has to be an .npz file")


def _refuse_bombs(entries: list[zipfile.ZipInfo]) -> None:
    size = sum(entry.file_size for entry in entries)
    packed = sum(entry.compress_size for entry in entries)
    if size > _BOMB_BYTES and size > _BOMB_RATIO * packed:
        raise ValueError(f"its {packed} bytes would unpack to {size}")
