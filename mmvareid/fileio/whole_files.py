"""Files that are whole or not there."""

import os
import signal
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmengine.fileio import LocalBackend, register_backend


@contextmanager
def whole_file(path: str | os.PathLike, part: Path | None = None) -> Iterator[Path]:
    """Write a file beside its place; at the end sync it and rename it: readers see old or new.

    >>> with whole_file("scores.json") as part:  # doctest: +SKIP
    ...     part.write_text(text)

    Where the body raises an error, or the process gets a SIGTERM, an older file stays as it was,
    and nothing else is left.

    Args:
        path (str | PathLike): File to write, in a folder that exists.
        part (Path, optional): Where to write it; by default a name that no other writer has.

    Yields:
        Path: What the body writes to.
    """
    place = Path(path)
    if place.exists() and not place.is_file() and not place.is_dir():  # such as /dev/stdout
        yield place
        return
    part = place.with_name(f".{uuid.uuid4().hex}.part") if part is None else part
    if not place.parent.is_dir():
        raise FileNotFoundError(f"{place} has to be in a folder that exists; make {place.parent}")
    try:
        with _ended_by_sigterm():
            yield part
        _sync(part)
        part.replace(place)
        _sync(part.parent)  # or the new name may not outlive a power cut
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Have a SIGTERM raise SystemExit, so that what is written is removed, unless it is handled."""
    handled = signal.getsignal(signal.SIGTERM) != signal.SIG_DFL
    if handled or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _sync(path: Path) -> None:
    """Have the system put a file, or the names in a folder, on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class AtomicLocalBackend(LocalBackend):
    """Write files by :func:`whole_file`."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write bytes; where that fails, such as on a full disk, an older file stays as it was."""
        path = Path(filepath)
        path.parent.mkdir(parents=True, exist_ok=True)
        # One name always: the next checkpoint takes the place of what a killed run has left.
        with whole_file(path, path.with_name(f"{path.name}.part")) as part, part.open("wb") as file:
            file.write(obj)


def use_atomic_files() -> None:
    """Have MMEngine write local files, checkpoints among them, by :class:`AtomicLocalBackend`."""
    register_backend("local", AtomicLocalBackend, force=True, prefixes="")
