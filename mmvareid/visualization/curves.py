"""Curves of a training run, from the scalars that MMEngine writes."""

import json
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure


def plot_curves(scalars: Path, out: Path) -> None:
    """Draw the losses, and mAP and Rank-1 where there are any, over epochs.

    Args:
        scalars (Path): ``vis_data/scalars.json`` of a run: a JSON object a line.
        out (Path): Picture to write; the suffix chooses the format.

    Raises:
        ValueError: The file holds no loss.
    """
    rows = [json.loads(line) for line in scalars.read_text().splitlines() if line]
    steps = [row for row in rows if "loss" in row]
    scores = [row for row in rows if "reid/mAP" in row]
    if not steps:
        raise ValueError(f"{scalars} has to hold the losses of a run, but got none")
    figure = Figure(figsize=(10, 4), layout="constrained")
    losses, metrics = figure.subplots(1, 2)
    epochs = [row["epoch"] for row in steps]
    for name in sorted({key for row in steps for key in row if key.startswith("loss")}):
        losses.plot(epochs, [row.get(name) for row in steps], label=name)
    losses.set(xlabel="epoch", ylabel="training loss")
    losses.legend()
    for name in ("reid/mAP", "reid/Rank-1"):
        # With validation, `step` is the number of epochs that were trained.
        metrics.plot(
            [row["step"] for row in scores], [row[name] for row in scores], "o-", label=name[5:]
        )
    metrics.set(xlabel="epoch", ylabel="% on the test split", ylim=(0, 100))
    metrics.legend()
    figure.savefig(out, dpi=120)


def plot_sweep(rows: Sequence[dict], name: str, out: Path) -> None:
    """Draw mAP and Rank-1 over the values of one setting, with spreads; Fig. 6 of VA-reID.

    Args:
        rows (Sequence[dict]): Rows of ``tools/analysis_tools/ablation.py``: ``sweep`` is
            (name, value), ``metrics`` maps 'reid/mAP' and 'reid/Rank-1' to ``mean`` and ``std``.
        name (str): Name of the setting, for the axis.
        out (Path): Picture to write; the suffix chooses the format.
    """
    rows = sorted((row for row in rows if row["seeds"]), key=lambda row: row["sweep"][1])
    figure = Figure(figsize=(5, 4), layout="constrained")
    axes = figure.subplots()
    values = [row["sweep"][1] for row in rows]
    for metric in ("reid/mAP", "reid/Rank-1"):
        found = [row["metrics"][metric] for row in rows]
        axes.errorbar(
            values,
            [score["mean"] for score in found],
            yerr=[score["std"] or 0 for score in found],
            marker="o",
            capsize=3,
            label=metric[5:],
        )
    axes.set(xlabel=name, ylabel="% on the test split", xticks=values)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(out, dpi=120)
