"""The newest checkpoint of a run that can be read."""

import os
import re
from pathlib import Path

from .checkpoints import load_checkpoint_safely

_NAME = re.compile(r"(epoch|iter)_(\d+)\.pth")


def _number(path: Path) -> int:
    match = _NAME.fullmatch(path.name)
    return int(match[2]) if match else 0


def find_whole_checkpoint(work_dir: str | os.PathLike) -> tuple[Path | None, list[str]]:
    """Find the newest checkpoint of a run that can be read.

    That is the one of the highest number, and not the one written last: copies of a work dir have
    times of their own. Only where MMEngine's ``last_checkpoint`` tells that a run was started anew
    in the same folder are the older run's left for the end.

    Args:
        work_dir (str | PathLike): Where ``epoch_N.pth`` or ``iter_N.pth`` are.

    Returns:
        tuple[Path | None, list[str]]: The file, None where none can be read, and a line for each
        that was tried and cannot. Parts of files that a killed run has left are not looked at.
    """
    root = Path(work_dir)
    last = root / "last_checkpoint"
    noted = last.read_text(errors="replace").strip() if last.is_file() else ""
    written = root / Path(noted.replace("\0", "")).name if noted else None
    here = written is not None and os.path.isfile(written)  # False for any name
    since = (written if here else last).stat().st_mtime_ns if written is not None else 0

    def rank(path: Path) -> tuple[bool, int]:
        number = _number(path)
        left_over = written is not None and number > _number(written)
        return not (left_over and path.lstat().st_mtime_ns < since), number

    skipped = []
    found = [path for path in root.glob("*.pth") if _NAME.fullmatch(path.name)]
    for path in sorted(found, key=rank, reverse=True):
        try:
            content = load_checkpoint_safely(str(path), map_location="cpu")
        except (OSError, ValueError) as error:
            skipped.append(f"{path} is skipped: {error}")
            continue
        if isinstance(content, dict) and "optimizer" in content:
            return path, skipped
        skipped.append(f"{path} is skipped: it has no optimizer to go on with")
    return None, skipped
