"""Checkpoints that are whole or not there, and the newest of them."""

import os
import re
from pathlib import Path

from mmengine.fileio import LocalBackend, register_backend

from .compat import load_checkpoint_safely

_NAME = re.compile(r"(epoch|iter)_(\d+)\.pth")


class AtomicLocalBackend(LocalBackend):
    """Write a file beside its place, sync it, and rename it: a reader sees the old or the new."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write bytes; where that fails, such as on a full disk, an older file stays as it was."""
        path = Path(filepath)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.part")
        try:
            with part.open("wb") as file:
                file.write(obj)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)


def use_atomic_files() -> None:
    """Have MMEngine write local files, checkpoints among them, by :class:`AtomicLocalBackend`."""
    register_backend("local", AtomicLocalBackend, force=True, prefixes="")


def find_whole_checkpoint(work_dir: str | os.PathLike) -> tuple[Path | None, list[str]]:
    """Find the newest checkpoint of a run that can be read.

    Args:
        work_dir (str | PathLike): Where ``epoch_N.pth`` or ``iter_N.pth`` are.

    Returns:
        tuple[Path | None, list[str]]: The file, None where there is none, and a line for each newer
        one that is not whole. Parts of files that a killed run has left are not looked at.
    """
    found = [
        (path.stat().st_mtime_ns, int(match[2]), path)
        for path in Path(work_dir).glob("*.pth")
        if (match := _NAME.fullmatch(path.name))
    ]
    skipped = []
    for _, _, path in sorted(found, reverse=True):
        try:
            content = load_checkpoint_safely(str(path), map_location="cpu")
        except ValueError as error:
            skipped.append(f"{path} is skipped: {error}")
            continue
        if "optimizer" in content:
            return path, skipped
        skipped.append(f"{path} is skipped: it has no optimizer to go on with")
    return None, skipped
