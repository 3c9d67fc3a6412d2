"""Features of some people in two dimensions, by t-SNE."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from mmvareid.evaluation import view_names

from .labels import plain

MARKERS = "osD^vP*X<>ph8d"
UNKNOWN = "0.6"  # grey
SMALLEST = 4  # images that t-SNE makes sense of


def embed_features(features: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return the places (N, 2) of features (N, D) by t-SNE of their cosine distances, seeded.

    Raises:
        ValueError: There are fewer than four features.
    """
    if len(features) < SMALLEST:
        raise ValueError(
            f"t-SNE has to have at least {SMALLEST} images, but got {len(features)}; show more "
            "identities"
        )
    perplexity = min(30.0, (len(features) - 1) / 3)
    from sklearn.manifold import TSNE  # takes seconds, and every training imports this module

    tsne = TSNE(perplexity=perplexity, metric="cosine", init="pca", random_state=seed)
    return tsne.fit_transform(features)


def choose_people(infos: Sequence[dict], number: int = 8, seed: int = 0) -> list[int]:
    """Return people to show, by id: at random among those seen from the most viewpoints.

    Args:
        infos (Sequence[dict]): What the dataset knows of each image, see
            :class:`mmvareid.datasets.ReIDDataset`; distractors have to be left out.
        number (int): People to choose; all, if there are fewer.
        seed (int): Of the choice.
    """
    views: dict[int, set[int]] = {}
    for info in infos:
        views.setdefault(info["person_id"], set()).update({info["viewpoint"]} - {-1})
    people = np.random.default_rng(seed).permutation(sorted(views)).tolist()
    people.sort(key=lambda person: -len(views[person]))  # stable: random among equals
    return sorted(people[:number])


def plot_embedding(
    places: Sequence[np.ndarray],
    infos: Sequence[dict],
    titles: Sequence[str],
    out: Path,
) -> None:
    """Draw places coloured by viewpoint, a marker for each person, one panel for each model.

    Args:
        places (Sequence[np.ndarray]): Of each model, (N, 2), as of :func:`embed_features`.
        infos (Sequence[dict]): ``person_id`` and ``viewpoint`` of the N images.
        titles (Sequence[str]): One for each model.
        out (Path): Picture to write; the suffix chooses the format.

    Raises:
        ValueError: There is not one title for each model, or not one place for each image.
    """
    if not places or len(places) != len(titles) or {len(xy) for xy in places} != {len(infos)}:
        raise ValueError(
            "plot_embedding has to have a title for each model and a place for each image, but got "
            f"{len(titles)} titles, {len(infos)} images and {[len(xy) for xy in places]} places"
        )
    people = np.array([info["person_id"] for info in infos])
    views = np.array([info["viewpoint"] for info in infos])
    figure = Figure(figsize=(6.5 * len(places), 6.5), layout="constrained")
    for axes, xy, title in zip(
        figure.subplots(1, len(places), squeeze=False)[0], places, titles, strict=True
    ):
        _draw_panel(axes, xy, people, views)
        axes.set(xticks=[], yticks=[])
        axes.margins(0.08)
        axes.set_title(plain(title))
    num_views = int(views.max()) + 1
    names = [*view_names(num_views), "unknown"]  # the last is -1
    handles = [
        Line2D(
            [],
            [],
            linestyle="",
            marker="o",
            color=_color(view),
            label=f"{names[view]} ({(views == view).sum()} images)",
        )
        for view in [*range(num_views), -1]
        if (views == view).any()
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    figure.savefig(out, dpi=120)


def _draw_panel(axes: Axes, xy: np.ndarray, people: np.ndarray, views: np.ndarray) -> None:
    """Draw the places of one model, each person's id above its places."""
    for i, person in enumerate(np.unique(people)):
        mine = people == person
        axes.scatter(
            xy[mine, 0],
            xy[mine, 1],
            c=[_color(view) for view in views[mine]],
            marker=MARKERS[i % len(MARKERS)],
            s=45,
            edgecolors="k",
            linewidths=0.3,
        )
    for person in np.unique(people):
        axes.annotate(
            str(person),
            (np.median(xy[people == person, 0]), xy[people == person, 1].max()),
            xytext=(0, 6),
            textcoords="offset points",
            ha="center",
            weight="bold",
            path_effects=[withStroke(linewidth=3, foreground="w")],
        )


def _color(view: int) -> str:
    return UNKNOWN if view < 0 else f"C{view}"
