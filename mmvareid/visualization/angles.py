"""The angles between centres over the epochs of a training."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from .labels import path_labels, plain
from .scalars import read_scalars

# What mmvareid.CenterAngleHook logs, and what a panel calls it.
PANELS = {
    "identity_view": "an identity and its viewpoints\n$W_k$ and $U_{kv}$",
    "view_view": "viewpoints of one identity\n$U_{kv}$ and $U_{kv'}$",
    "identity_identity": "different identities\n$W_k$ and $W_j$",
}


def plot_angles(
    runs: Path | Sequence[Path], out: Path, labels: Sequence[str] | None = None
) -> None:
    """Draw mean angles between centres over epochs, each with a band of one standard deviation.

    Args:
        runs (Path | Sequence[Path]): Of each run its ``scalars.json`` or its work dir, in which
            the logs of a run that was resumed are joined.
        out (Path): Picture to write; the suffix chooses the format.
        labels (Sequence[str] | None): Name of each run, see :func:`path_labels`.

    Raises:
        FileNotFoundError: A run holds no scalars.
        ValueError: There is no run, or not one label for each, two labels are equal, or the scalars
            of a run hold no angles.
    """
    runs = [runs] if isinstance(runs, Path) else runs
    if not runs:
        raise ValueError("plot_angles has to have at least one run, but got none")
    labels = path_labels(runs, labels)
    curves = [read_angles(run) for run in runs]
    figure = Figure(figsize=(11, 4), layout="constrained")
    panels = figure.subplots(1, len(PANELS), sharey=True)
    for axes, (name, title) in zip(panels, PANELS.items(), strict=True):
        for rows, label in zip(curves, labels, strict=True):
            found = {epoch: row for epoch, row in rows.items() if f"angle/{name}" in row}
            mean = [row[f"angle/{name}"] for row in found.values()]
            std = [row[f"angle/{name}_std"] for row in found.values()]
            (line,) = axes.plot(list(found), mean, ".-", label=plain(label))
            axes.fill_between(
                list(found),
                [m - s for m, s in zip(mean, std, strict=True)],
                [m + s for m, s in zip(mean, std, strict=True)],
                color=line.get_color(),
                alpha=0.2,
                linewidth=0,
            )
        axes.set(title=title, xlabel="epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
    panels[0].set(ylabel="angle in degrees: mean ± std")
    if len(runs) > 1:
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    figure.savefig(out, dpi=120)


def read_angles(run: Path) -> dict[int, dict]:
    """Return {epoch: its scalars} of a run, a ``scalars.json`` or a work dir, in order."""
    files = [run] if run.is_file() else sorted(run.glob("*/vis_data/scalars.json"))
    if not files:
        raise FileNotFoundError(
            f"{run} has to be a scalars.json or a work dir with <time>/vis_data/scalars.json, but "
            "is neither"
        )
    rows = {}
    for file in files:  # what was trained again after a stop replaces what was there
        for row in read_scalars(file):
            if any(key.startswith("angle/") for key in row):
                rows[row["epoch"]] = row
    if not rows:
        raise ValueError(
            f"{run} has to hold angles of centres, but got none; train a head with viewpoint "
            "centres and mmvareid.CenterAngleHook among the custom_hooks"
        )
    return dict(sorted(rows.items()))
