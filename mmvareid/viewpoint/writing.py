"""Viewpoint files that datasets read, with how sure each label is."""

import csv
import logging
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from mmengine.logging import print_log

from mmvareid.fileio.image_paths import some_names
from mmvareid.fileio.whole_files import whole_file

from .names import view_names


def write_viewpoints(
    path: str | os.PathLike, names: Sequence[str], labels: np.ndarray, probabilities: np.ndarray
) -> None:
    """Write a CSV that ``viewpoint_file`` of a dataset takes; an old one stays until it is whole.

    Its columns are filename, viewpoint (-1 where unknown), confidence, and the probability of each
    view.

    Args:
        path (str | PathLike): File to write.
        names (Sequence[str]): N images, each once.
        labels (np.ndarray): ``(N,)`` int.
        probabilities (np.ndarray): ``(N, V)``, 0 where unknown.

    Raises:
        ValueError: A name stands there twice, so that a dataset could not tell which is meant.
    """
    check_names(names)
    header = ["filename", "viewpoint", "confidence", *view_names(probabilities.shape[1])]
    rows = (
        [name, int(label), f"{row.max():.4f}", *(f"{p:.4f}" for p in row)]
        for name, label, row in zip(names, labels, probabilities, strict=True)
    )
    write_rows(path, header, rows)


def check_names(names: Sequence[str]) -> None:
    """Raise ``ValueError`` if two images have one name."""
    name, times = Counter(names).most_common(1)[0] if names else ("", 0)
    if times > 1:
        raise ValueError(
            f"images have to differ in name, since viewpoints are joined by it, but got {name} "
            f"{times} times; write a file for each folder"
        )


def writable_names(paths: Iterable[Path]) -> list[Path]:
    """Return the images whose names a viewpoint file, which is UTF-8, can hold; log the others."""
    kept: list[Path] = []
    others: list[str] = []
    for path in paths:
        try:
            path.name.encode()
            kept.append(path)
        except UnicodeEncodeError:
            others.append(path.name)
    if others:
        print_log(
            f"{len(others)} images are left out, as their names are no UTF-8: {some_names(others)}",
            logger="current",
            level=logging.WARNING,
        )
    return kept


def write_rows(path: str | os.PathLike, header: Sequence[str], rows: Iterable[Sequence]) -> None:
    """Write a CSV; an old one stays until it is whole."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
