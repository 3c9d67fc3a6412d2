"""Curves of a training run, from the scalars that MMEngine writes."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from .labels import plain
from .scalars import read_scalars


def plot_curves(scalars: Path, out: Path) -> None:
    """Draw the losses, and mAP and Rank-1 where there are any, over epochs.

    Args:
        scalars (Path): ``vis_data/scalars.json`` of a run: a JSON object a line.
        out (Path): Picture to write; the suffix chooses the format.

    Raises:
        ValueError: The file holds no loss.
    """
    rows = read_scalars(scalars)
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


def plot_sweep(series: Mapping[str, Sequence[dict]], name: str, out: Path) -> None:
    """Draw mAP and Rank-1 over the values of one setting, with spreads; Fig. 6 of VA-reID.

    Args:
        series (Mapping[str, Sequence[dict]]): Model -> a dict for each ``value``, whose
            ``metrics`` map 'reid/mAP' and 'reid/Rank-1' to ``mean`` and ``std`` (or None). Those
            without metrics are left out.
        name (str): Name of the setting, for the axis.
        out (Path): Picture to write; the suffix chooses the format.
    """
    figure = Figure(figsize=(5, 4), layout="constrained")
    axes = figure.subplots()
    for model, rows in series.items():
        found = sorted((row for row in rows if row["metrics"]), key=lambda row: row["value"])
        for metric in ("reid/mAP", "reid/Rank-1"):
            scores = [row["metrics"][metric] for row in found]
            axes.errorbar(
                [row["value"] for row in found],
                [score["mean"] for score in scores],
                yerr=[score["std"] or 0 for score in scores],
                marker="o",
                capsize=3,
                label=metric[5:] if len(series) == 1 else plain(f"{model}, {metric[5:]}"),
            )
    values = sorted({row["value"] for rows in series.values() for row in rows})
    smallest = min((value for value in values if value > 0), default=1)
    if values[-1] > 50 * smallest:
        axes.set_xscale("symlog", linthresh=smallest)
    axes.set(xlabel=name, ylabel="% on the test split")
    axes.set_xticks(values, [f"{value:g}" for value in values])
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(out, dpi=120)
