"""Draws mAP and Rank-1 by query and gallery viewpoint, from the figures of tools/test.py --out."""

import argparse
import json
from pathlib import Path

import numpy as np

from mmvareid.fileio.outputs import check_outputs
from mmvareid.visualization import pair_matrices, path_labels, plot_viewpoint_matrix
from mmvareid.visualization.figure_rgb import FIGURE_ENDINGS
from mmvareid.visualization.viewpoint_matrix import score_sets


def read_matrices(path: Path) -> tuple[dict[str, np.ndarray], list[str]]:
    """Matrices (V, V) of a file's scores by name, and the views' names.

    Where the file is of several test sets, their names stand before the metrics'.

    Raises:
        ValueError: The file has no such scores, or its sets have other viewpoints.
    """
    sets = {
        name: pair_matrices(found)
        for name, found in score_sets(json.loads(path.read_text())).items()
    }
    matrices = {
        f"{name}, {metric}" if len(sets) > 1 else metric: matrix
        for name, (found, _) in sets.items()
        for metric, matrix in found.items()
    }
    names = next((views for _, views in sets.values()), [])
    if any(views != names for _, views in sets.values()):
        raise ValueError(
            f"the test sets of {path} have to have the same viewpoints, but "
            + ", ".join(f"{name} has {' '.join(views)}" for name, (_, views) in sets.items())
            + "; draw them apart"
        )
    if not names:
        raise ValueError(
            f"{path} has to hold scores by viewpoint, such as reid/pair/front-side/mAP, but has "
            "none; does the test data have viewpoints, and its ReIDMetric viewpoints=True?"
        )
    return matrices, names


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scores", type=Path, nargs="+", help="JSON files, one for each model")
    parser.add_argument("--out", type=Path, required=True, help="picture to write")
    parser.add_argument("--labels", nargs="+", help="a name for each file; by default the files'")
    args = parser.parse_args()
    check_outputs(parser, args.out, endings=FIGURE_ENDINGS)
    try:
        labels = path_labels(args.scores, args.labels)
    except ValueError as error:
        parser.error(str(error))
    read = [read_matrices(path) for path in args.scores]
    names = read[0][1]
    for path, (_, others) in zip(args.scores, read, strict=True):
        if others != names:
            raise ValueError(
                f"all files have to have the same viewpoints, but got {', '.join(names)} in "
                f"{args.scores[0]} and {', '.join(others)} in {path}; test the models on the same "
                "images, or draw the files apart"
            )
    pictures = {
        f"{label}, {metric}" if len(labels) > 1 else metric: matrix
        for label, (matrices, _) in zip(labels, read, strict=True)
        for metric, matrix in matrices.items()
    }
    plot_viewpoint_matrix(pictures, names, args.out)
    print(f"{len(pictures)} matrices: {args.out}")


if __name__ == "__main__":
    main()
