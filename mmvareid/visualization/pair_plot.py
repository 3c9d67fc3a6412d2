"""The similarities of pairs of one person and of two people, as a picture."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from mmvareid.evaluation import PairSimilarities

_BARS = 200  # of the whole range from -1 to 1


def plot_pairs(
    pairs: PairSimilarities, out: Path, rates: Sequence[float] = (1e-4, 1e-3, 1e-2)
) -> None:
    """Draw both distributions, and what each threshold accepts of them.

    Args:
        pairs (PairSimilarities): The pairs.
        out (Path): Picture to write; the suffix chooses the format.
        rates (Sequence[float]): False positive rates whose thresholds are marked; those that the
            pairs are too few for are left out.
    """
    figure = Figure(figsize=(11, 4), layout="constrained")
    shares, curves = figure.subplots(1, 2)
    edges = np.linspace(-1, 1, _BARS + 1)
    sides = {"one person, two cameras": pairs.positives, "two people": pairs.negatives}
    for name, counts in sides.items():
        bars = counts.reshape(_BARS, -1).sum(axis=1)
        shares.stairs(100 * bars / bars.sum(), edges, fill=True, alpha=0.5, label=name)
    used = np.flatnonzero((pairs.positives + pairs.negatives).reshape(_BARS, -1).any(axis=1))
    low, high = edges[used[0]], edges[used[-1] + 1]
    shares.set(xlabel="cosine", ylabel="% of the pairs", xlim=(low, high))

    at = np.linspace(low, high, 1000)
    curves.plot(at, 100 * pairs.accepted_above(at), label="one person: accepted")
    curves.plot(at, 100 * pairs.impostors_above(at), label="two people: accepted")
    curves.set(xlabel="threshold, cosine", ylabel="% of the pairs", yscale="log", xlim=(low, high))
    for rate in rates:
        if rate * pairs.negatives.sum() >= 1:
            threshold = pairs.threshold(rate)
            for axes in (shares, curves):
                axes.axvline(threshold, color="0.3", linestyle=":", linewidth=1)
            curves.annotate(
                f"{100 * rate:g} %\n{threshold:.3f}", (threshold, 100 * rate), fontsize=8,
                xytext=(4, 4), textcoords="offset points",
            )  # fmt: skip
    for axes in (shares, curves):
        axes.grid(alpha=0.3)
        axes.legend()
    figure.savefig(out, dpi=120)
