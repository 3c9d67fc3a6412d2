"""Draws mAP and Rank-1 by query and gallery viewpoint, from the figures of tools/test.py --out."""

import argparse
import json
from pathlib import Path

import numpy as np

from mmvareid.visualization import plot_viewpoint_matrix

METRICS = ("mAP", "Rank-1")


def read_matrices(path: Path) -> tuple[dict[str, np.ndarray], list[str]]:
    """Matrices (V, V) of the scores 'reid/pair/<query>-<gallery>/<metric>', and the views' names.

    Raises:
        ValueError: The file has no such scores.
    """
    cells = {}
    for name, value in json.loads(path.read_text()).items():
        *_, kind, pair, metric = ["", "", *name.split("/")]
        if kind == "pair" and "-" in pair:
            query, gallery = pair.split("-")
            cells[metric, query, gallery] = value
    names = list(dict.fromkeys(query for _, query, _ in cells))
    if not names:
        raise ValueError(
            f"{path} has to hold scores by viewpoint, such as reid/pair/front-side/mAP, but has "
            "none; does the test data have viewpoints, and its ReIDMetric viewpoints=True?"
        )
    return {
        metric: np.array([[cells.get((metric, q, g), np.nan) for g in names] for q in names])
        for metric in METRICS
    }, names


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scores", type=Path, nargs="+", help="JSON files, one for each model")
    parser.add_argument("--out", type=Path, required=True, help="picture to write")
    args = parser.parse_args()
    pictures = {}
    for path in args.scores:
        matrices, names = read_matrices(path)
        prefix = f"{path.stem}, " if len(args.scores) > 1 else ""
        pictures.update({f"{prefix}{metric}": matrix for metric, matrix in matrices.items()})
    args.out.parent.mkdir(parents=True, exist_ok=True)
    plot_viewpoint_matrix(pictures, names, args.out)


if __name__ == "__main__":
    main()
