"""Draws soft labels beside the image and the probabilities that they are made of."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from mmvareid.evaluation import view_names

from .labels import plain
from .soft_labels import SoftLabel

FLOOR = 1e-12  # below it a share counts as zero, which a log scale cannot show
OTHERS = 3  # identities beside the own one


def plot_soft_labels(
    rows: Sequence[SoftLabel],
    images: Sequence[np.ndarray],
    captions: Sequence[str],
    out: Path,
    person: Callable[[int], str] = str,
) -> None:
    """Draw a row of an image, its identity-level and its viewpoint-level soft label; Fig. 3.

    Shown are the own identity, the others of highest probability, and the mean over all that are
    left; colours and bars are on a log scale, since most shares are tiny.

    Args:
        rows (Sequence[SoftLabel]): N soft labels.
        images (Sequence[np.ndarray]): N images, (H, W, 3) uint8, RGB.
        captions (Sequence[str]): N captions.
        out (Path): Picture to write; the suffix chooses the format.
        person (Callable): Name of an identity label. Defaults to its number.
    """
    if not rows or not len(rows) == len(images) == len(captions):
        raise ValueError(
            "plot_soft_labels has to have an image and a caption for each soft label, but got "
            f"{len(rows)} soft labels, {len(images)} images and {len(captions)} captions"
        )
    figure = Figure(figsize=(14, 3.6 * len(rows)), layout="constrained")
    parts = figure.subfigures(len(rows), 1, squeeze=False, hspace=0.03)[:, 0]
    for part, row, image, caption in zip(parts, rows, images, captions, strict=True):
        part.suptitle(f"{plain(caption)}\n{figures_of(row)}", fontsize=11)
        picture, identities, predicted, target = part.subplots(
            1, 4, gridspec_kw=dict(width_ratios=(1, 3, 2, 2))
        )
        picture.imshow(image)
        picture.axis("off")
        _draw_identities(identities, row, person)
        if row.r is None or row.t is None:
            predicted.axis("off")
            target.axis("off")
            reason = "unknown viewpoint" if row.viewpoint < 0 else "head without $L_v$"
            predicted.text(0, 0.5, f"{reason}: no soft label t", transform=predicted.transAxes)
            continue
        chosen = _top(row.r.sum(1), row.label)
        names, r = _rows_of(row.r, chosen, person)
        _, t = _rows_of(row.t, chosen, person)
        norm = LogNorm(_lowest(r, t), 1, clip=True)
        _draw_views(predicted, r, names, norm, "predicted r")
        _draw_views(target, t, [""] * len(names), norm, "soft label t of $L_v$")
    figure.savefig(out, dpi=110)


def figures_of(row: SoftLabel) -> str:
    """Return the figures that make the soft labels: probabilities at the label, and epsilons."""
    text = f"$q_y$ = {number(row.q[row.label])}, ε = {number(1 - row.p[row.label])}"
    if row.r is None or row.t is None:
        return text
    r, t = row.r[row.label], row.t[row.label]  # (V,) of the own identity
    # Eq. 12 of the strongest view, of share w, solved for ε₂; with w = 1 it is all but that view's.
    w = 1.0 if row.shares is None else float(row.shares[row.viewpoint])
    moves = w - (1 - w) / max(len(t) - 1, 1)  # 0 where all views are equally strong
    epsilon_2 = (w * t.sum() - t[row.viewpoint]) / moves if moves > FLOOR else 0.0
    return (
        f"{text};   $r_{{yv}}$ = {number(row.of_view(r))}, $\\Sigma_k r_{{yk}}$ = "
        f"{number(r.sum())}, ε₁ = {number(1 - t.sum())}, ε₂ = {number(epsilon_2)}"
    )


def views_of(row: SoftLabel, names: Sequence[str]) -> str:
    """Return an image's viewpoint in words, its share beside each where there are several."""
    if row.viewpoint < 0:
        return "unknown viewpoint"
    if row.shares is None:
        return names[row.viewpoint]
    shares = enumerate(row.shares.tolist())
    return " + ".join(f"{share:.2g} {names[v]}" for v, share in shares if share)


def number(value: float) -> str:
    """Return a share as text of some five characters."""
    if value < FLOOR:
        return "0"
    if value < 1e-4:
        return f"{value:.0e}"
    return f"{value:.3f}" if value >= 0.01 else f"{value:.4f}"


def _lowest(*shares: np.ndarray) -> float:
    """Return the lowest share that is not zero."""
    return float(min(share[share > FLOOR].min() for share in shares))


def _top(share: np.ndarray, label: int) -> list[int]:
    """Return the own identity and the others of highest share."""
    return [label, *[int(i) for i in np.argsort(-share) if i != label][:OTHERS]]


def _rows_of(
    values: np.ndarray, chosen: list[int], person: Callable[[int], str]
) -> tuple[list[str], np.ndarray]:
    """Return names and values of the chosen identities, and the mean of those left, if any."""
    names = [plain(f"person {person(i)}") for i in chosen]
    names[0] += " (own)"
    left = np.delete(values, chosen, axis=0)
    if not len(left):
        return names, values[chosen]
    return [*names, f"each of {len(left)} others"], np.concatenate(
        [values[chosen], left.mean(axis=0, keepdims=True)]
    )


def _draw_identities(axes: Axes, row: SoftLabel, person: Callable[[int], str]) -> None:
    """Draw pairs of bars, predicted and soft label, for some identities."""
    chosen = _top(row.q, row.label)
    names, q = _rows_of(row.q, chosen, person)
    _, p = _rows_of(row.p, chosen, person)
    lowest = _lowest(q, p) / 3
    at = np.arange(len(names))
    for values, shift, label in (
        (q, -0.2, "predicted q"),
        (p, 0.2, "soft label p of $L_y$"),
    ):
        bars = axes.barh(at + shift, np.maximum(values, lowest), 0.38, label=label)
        axes.bar_label(bars, [number(value) for value in values], padding=3, fontsize=9)
    axes.set(xscale="log", xlim=(lowest, 30), yticks=at, yticklabels=names)
    axes.set_xticks([tick for tick in axes.get_xticks() if lowest <= tick <= 1])
    axes.minorticks_off()
    axes.invert_yaxis()
    axes.legend(loc="lower right", fontsize=9)
    axes.set_title("identities (log scale)", fontsize=10)


def _draw_views(
    axes: Axes, values: np.ndarray, names: list[str], norm: LogNorm, title: str
) -> None:
    """Draw values (N, V) as a grid with a number in each cell."""
    axes.imshow(np.maximum(values, FLOOR), cmap="Blues", norm=norm, aspect="auto")
    for (i, k), value in np.ndenumerate(values):
        dark = norm(max(value, FLOOR)) > 0.6
        axes.text(
            k, i, number(value), ha="center", va="center", fontsize=9, color="w" if dark else "k"
        )
    num_views = values.shape[1]
    axes.set(xticks=range(num_views), xticklabels=view_names(num_views), yticks=range(len(names)))
    axes.set_yticklabels(names)
    axes.set_title(title, fontsize=10)
