"""Files that are whole or not there."""

import os
from pathlib import Path


def put_in_place(part: Path, path: str | os.PathLike) -> None:
    """Rename a file that is written and synced, and sync its folder.

    Without the latter the new name may not outlive a power cut.
    """
    part.replace(path)
    folder = os.open(part.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
