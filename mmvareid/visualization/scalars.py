"""What a run has logged, line by line."""

import json
import logging
from pathlib import Path

from mmengine.logging import print_log


def read_scalars(path: Path) -> list[dict]:
    """Return the rows of a ``scalars.json``, a JSON object a line.

    A line that a kill has cut is left out, and said to be.

    Args:
        path (Path): That MMEngine has written, ``vis_data/scalars.json`` of a run.
    """
    rows, cut = [], 0
    for line in path.read_text(errors="replace").splitlines():
        try:
            row = json.loads(line) if line.strip() else {}
        except ValueError:
            cut += 1
            continue
        if isinstance(row, dict):
            rows.append(row)
    if cut:
        print_log(
            f"{cut} lines of {path} are left out, as they are no JSON; was the run killed?",
            logger="current",
            level=logging.WARNING,
        )
    return rows
