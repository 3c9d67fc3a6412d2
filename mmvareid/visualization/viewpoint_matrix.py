"""Heat maps of the scores by the query's and the gallery's viewpoint."""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from mmvareid.evaluation import view_names

from .figure_rgb import figure_rgb

METRICS = ("mAP", "Rank-1")


def pair_matrices(scores: Mapping[str, float]) -> tuple[dict[str, np.ndarray], list[str]]:
    """Return the scores by the query's and the gallery's viewpoint.

    Args:
        scores (Mapping[str, float]): Among them 'pair/<query>-<gallery>/<metric>', with or without
            the prefix of a metric, which has to be one: those of ``tools/test.py --also`` have
            one each, see :func:`score_sets`.

    Returns:
        tuple[dict[str, np.ndarray], list[str]]: mAP and Rank-1, each (V, V), and the viewpoints'
        names; none of both where no score is by viewpoint.

    Raises:
        ValueError: The scores are of several sets.
    """
    cells = {}
    if len(sets := score_sets(scores)) > 1:
        raise ValueError(f"scores have to be of one test set, but are of {', '.join(sets)}")
    for name, value in scores.items():
        *_, kind, pair, metric = ["", "", *name.split("/")]
        if kind == "pair" and "-" in pair:  # others are mean, worst and gap
            query, gallery = pair.split("-")
            cells[metric, query, gallery] = value
    found = {name for _, *pair in cells for name in pair}
    # view2 stands before view10.
    known = view_names(3)
    names = sorted(found, key=lambda name: ((*known, name).index(name), len(name), name))
    if not names:
        return {}, []
    return {
        metric: np.array([[cells.get((metric, q, g), np.nan) for g in names] for q in names])
        for metric in METRICS
    }, names


def score_sets(scores: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """Return the scores by viewpoint of each test set, by the prefix of its names."""
    sets: dict[str, dict[str, float]] = {}
    for name, value in scores.items():
        *prefix, kind, _, _ = ["", "", "", *name.split("/")]
        if kind == "pair":
            sets.setdefault("/".join(filter(None, prefix)), {})[name] = value
    return sets


def plot_viewpoint_matrix(
    matrices: Mapping[str, np.ndarray], names: Sequence[str], out: Path
) -> None:
    """Draw heat maps side by side, on one scale, with a number in each cell.

    Args:
        matrices (Mapping[str, np.ndarray]): Title -> (V, V) in percent; rows are the query's
            viewpoint, columns the gallery's. NaN, where no query has a match, is hatched.
        names (Sequence[str]): Names of the V viewpoints.
        out (Path): Picture to write; the suffix chooses the format.

    Raises:
        ValueError: There is no matrix, one is not (V, V), or a value is not between 0 and 100.
    """
    _figure(matrices, names).savefig(out, dpi=120)


def draw_viewpoint_matrix(matrices: Mapping[str, np.ndarray], names: Sequence[str]) -> np.ndarray:
    """Return the picture of :func:`plot_viewpoint_matrix`, (H, W, 3) uint8, RGB."""
    return figure_rgb(_figure(matrices, names))


def _figure(matrices: Mapping[str, np.ndarray], names: Sequence[str]) -> Figure:
    _check(matrices, len(names))
    side = max(2.4, 0.75 * len(names)) + 0.6  # inches
    figure = Figure(figsize=(side * len(matrices) + 0.8, side + 0.5), dpi=100, layout="constrained")
    grid = figure.subplots(1, len(matrices), squeeze=False)[0]
    colors = colormaps["viridis"].with_extremes(bad="0.9")
    low, high = _range(matrices)
    for axes, (title, matrix) in zip(grid, matrices.items(), strict=True):
        image = axes.imshow(np.ma.masked_invalid(matrix), cmap=colors, vmin=low, vmax=high)
        for (row, column), value in np.ndenumerate(matrix):
            known = not np.isnan(value)
            if not known:
                corner = (column - 0.5, row - 0.5)
                axes.add_patch(
                    Rectangle(corner, 1, 1, fill=False, hatch="////", edgecolor="0.75", linewidth=0)
                )
            # White stands out from the lower part of viridis, black from the upper.
            color = "white" if known and value < low + 0.45 * (high - low) else "black"
            text = f"{value:.1f}" if known else "-"
            axes.text(column, row, text, ha="center", va="center", color=color)
        places = range(len(names))
        wrapped = "\n".join(textwrap.wrap(title, int(side * 8)))  # or it runs into the next
        axes.set(title=wrapped, xlabel="gallery's viewpoint", xticks=places, yticks=places)
        axes.set_xticklabels(names)
        axes.set_yticklabels(names, rotation=90, va="center")
    grid[0].set_ylabel("query's viewpoint")
    figure.colorbar(image, ax=list(grid), label="%", shrink=0.8)
    return figure


def _range(matrices: Mapping[str, np.ndarray]) -> tuple[float, float]:
    """Tens around all values."""
    known = np.concatenate([matrix[~np.isnan(matrix)] for matrix in matrices.values()])
    if not len(known):
        return 0, 100
    return 10 * np.floor(known.min() / 10), 10 * max(
        np.ceil(known.max() / 10), np.floor(known.min() / 10) + 1
    )


def _check(matrices: Mapping[str, np.ndarray], views: int) -> None:
    if not matrices:
        raise ValueError("matrices has to hold at least one matrix, but got none")
    for title, matrix in matrices.items():
        if views == 0 or matrix.shape != (views, views):
            raise ValueError(
                f"{title!r} has to be of shape ({views}, {views}), a row and a column for each of "
                f"the names, but got {matrix.shape}"
            )
        known = matrix[~np.isnan(matrix)]
        if ((known < 0) | (known > 100 + 1e-6)).any():
            raise ValueError(
                f"{title!r} has to be in percent, from 0 to 100, but got values from "
                f"{known.min():g} to {known.max():g}"
            )
