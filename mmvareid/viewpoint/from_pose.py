"""Viewpoints from body points, without labels or from a few."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mmvareid.viewpoint.reading import MAX_VIEWS

from .pose.body_shape import mirrored, normalise, shape_features, shoulder_width, turned
from .pose.shoulder_mixture import shoulder_posteriors
from .pose.skeletons import as_fourteen

if TYPE_CHECKING:  # datasets read viewpoint files, and learn no trees
    from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier

_FEW = 200  # bodies, below which trees have too little to learn from
_MANY = 3000  # labels, from which boosting may go on for longer
_TRUSTED = 0.7  # share of each view, the surest, from which trees learn


@dataclass(frozen=True)
class PoseViewpoints:
    """Viewpoints of N bodies.

    Attributes:
        labels (np.ndarray): ``(N,)`` int64: 0 front, 1 side, 2 back, -1 where unknown.
        confidence (np.ndarray): ``(N,)``, probability of the label; 0 where unknown.
        probabilities (np.ndarray): ``(N, V)`` of each view; 0 where unknown.
    """

    labels: np.ndarray
    confidence: np.ndarray
    probabilities: np.ndarray


def from_pose(
    points: np.ndarray,
    labels: np.ndarray | None = None,
    min_score: float = 0.0,
    seed: int = 0,
) -> PoseViewpoints:
    """Tell viewpoints from body points, with no label or from the labels of some.

    Without labels, the signed width between the shoulders is modelled as a mixture of front, side
    and back, which names itself (:func:`shoulder_posteriors`). Where there are 200 bodies or more,
    trees learn all points from the surest of them, half from the other half, and both are averaged.
    With labels, trees learn from the bodies that have one, boosted and random ones, averaged.

    Unknown is a body that lacks a shoulder, or has fewer than seven of fourteen points.

    Args:
        points (np.ndarray): ``(N, J, 2 or 3)``: x to the right, y down in pixels, and maybe a
            score. J is 17 (COCO), 18 or 25 (OpenPose), or 14: head, neck, then shoulder, elbow and
            wrist of the right arm and the left one, hip, knee and ankle of the right leg and the
            left one. NaN, a score of at most ``min_score``, or (0, 0) without scores is a missing
            point.
        labels (np.ndarray, optional): ``(N,)`` int, -1 where unknown. Theirs are kept.
        min_score (float): Points above it count. Defaults to 0.
        seed (int): Of the trees.

    Returns:
        PoseViewpoints: Of each body.

    Raises:
        ValueError: The shapes are others, or the labels of usable bodies are of fewer than two
            views.
    """
    bodies = normalise(as_fourteen(points, min_score))
    known = np.isfinite(shoulder_width(bodies))
    if labels is None:
        views, found = 3, _without_labels(bodies[known], seed)
    else:
        labels = _checked(labels, known)
        views = max(3, int(labels.max()) + 1)
        found = _with_labels(bodies[known], labels[known], views, seed)
    probabilities = np.zeros((len(bodies), views))
    probabilities[known] = found
    if labels is not None:  # also of bodies that nothing is known of
        probabilities[labels >= 0] = np.eye(views)[labels[labels >= 0]]
    best = np.where(probabilities.any(axis=1), probabilities.argmax(axis=1), -1)
    return PoseViewpoints(best, probabilities.max(axis=1, initial=0), probabilities)


def _without_labels(bodies: np.ndarray, seed: int) -> np.ndarray:
    """Probabilities (N, 3)."""
    from sklearn.ensemble import ExtraTreesClassifier

    by_width = shoulder_posteriors(shoulder_width(bodies))
    if len(bodies) < _FEW:
        return by_width
    views, sure = by_width.argmax(axis=1), by_width.max(axis=1)
    trusted = np.zeros(len(bodies), dtype=bool)
    for view in range(3):
        own = np.flatnonzero(views == view)
        trusted[own[np.argsort(-sure[own], kind="stable")][: int(_TRUSTED * len(own))]] = True
    fold = np.random.default_rng(seed).permutation(len(bodies)) % 2
    by_trees = np.zeros_like(by_width)
    for half in (0, 1):
        learn, tell = trusted & (fold != half), fold == half
        trees = ExtraTreesClassifier(
            100, min_samples_leaf=8, max_features=0.2, random_state=seed, n_jobs=-1
        )
        trees.fit(
            shape_features(np.concatenate([bodies[learn], turned(bodies[learn])])),
            np.concatenate([views[learn], 2 - views[learn]]),
        )
        by_trees[tell] = _predict(trees, bodies[tell], 3)
    return (by_width + by_trees) / 2


def _with_labels(bodies: np.ndarray, labels: np.ndarray, views: int, seed: int) -> np.ndarray:
    """Probabilities (N, V)."""
    from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier

    learn = bodies[labels >= 0]
    features = shape_features(np.concatenate([learn, mirrored(learn)]))
    boosted = HistGradientBoostingClassifier(
        max_iter=80 if len(learn) < _MANY else 250,
        learning_rate=0.05,
        max_features=0.3,
        min_samples_leaf=20,
        l2_regularization=5,
        random_state=seed,
    )
    random = ExtraTreesClassifier(
        150, min_samples_leaf=2, max_features=0.2, random_state=seed, n_jobs=-1
    )
    found = np.zeros((len(bodies), views))
    for trees in (boosted, random):
        trees.fit(features, np.tile(labels[labels >= 0], 2))
        found += _predict(trees, bodies, views) / 2
    return found


def _predict(
    trees: "ExtraTreesClassifier | HistGradientBoostingClassifier", bodies: np.ndarray, views: int
) -> np.ndarray:
    """Mean over a body and its mirror image, (N, V); a body may have classes missing."""
    found = np.zeros((len(bodies), views))
    for seen in (bodies, mirrored(bodies)):
        found[:, trees.classes_] += trees.predict_proba(shape_features(seen)) / 2
    return found


def _checked(labels: np.ndarray, known: np.ndarray) -> np.ndarray:
    labels = np.asarray(labels)
    if labels.shape != known.shape or labels.dtype.kind not in "iu":
        raise ValueError(
            f"labels has to be of shape {known.shape} and hold integers, but got {labels.shape} "
            f"{labels.dtype}"
        )
    if labels.max(initial=-1) >= MAX_VIEWS:
        raise ValueError(f"labels has to be below {MAX_VIEWS}, but got {labels.max()}")
    views = np.unique(labels[known & (labels >= 0)])
    if len(views) < 2:
        raise ValueError(
            "labels has to give bodies whose points are known two viewpoints or more, but gives "
            f"{views.tolist()}"
        )
    return labels.astype(np.int64)
