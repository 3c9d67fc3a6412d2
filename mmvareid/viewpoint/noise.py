"""Wrong viewpoints on purpose, to study what rough labels cost."""

import numpy as np

KINDS = ("uniform", "neighbours", "shuffled")


def add_label_noise(
    viewpoints: np.ndarray,
    share: float,
    kind: str = "uniform",
    num_views: int = 3,
    seed: int = 0,
) -> np.ndarray:
    """Make a share of the known viewpoints wrong, or random; the same seed takes the same ones.

    Args:
        viewpoints (np.ndarray): ``(N,)`` int labels, -1 where unknown; those stay unknown.
        share (float): Of the known labels, in [0, 1]; to the nearest whole label.
        kind (str): ``'uniform'`` takes any other view, ``'neighbours'`` the one before or behind,
            where 0 and the last have one neighbour only: side for front and for back.
            ``'shuffled'`` exchanges the chosen labels among themselves, so that how often each
            occurs stays, and as many are right as by chance: with ``share=1`` the control that
            tells what a loss gains by viewpoints.
        num_views (int): V. Defaults to 3.
        seed (int): Of the choice.

    Returns:
        np.ndarray: ``(N,)`` int labels.

    Raises:
        ValueError: An argument is out of range, or a label is.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"the share of wrong labels has to be in [0, 1], but got {share}")
    if kind not in KINDS:
        raise ValueError(f"the kind of label noise has to be one of {KINDS}, but got {kind!r}")
    if num_views < 2 or viewpoints.max(initial=-1) >= num_views:
        raise ValueError(
            f"num_views of label noise has to be at least 2 and above every label, but got "
            f"{num_views} and label {viewpoints.max(initial=-1)}"
        )
    rng = np.random.default_rng(seed)
    viewpoints = viewpoints.astype(np.int64)  # narrow integers would overflow
    known = np.flatnonzero(viewpoints >= 0)
    chosen = rng.choice(known, round(share * len(known)), replace=False)
    old = viewpoints[chosen]
    if kind == "uniform":
        new = (old + rng.integers(1, num_views, len(chosen))) % num_views
    elif kind == "shuffled":
        new = rng.permutation(old)
    else:
        step = rng.choice([-1, 1], len(chosen))
        step[old == 0], step[old == num_views - 1] = 1, -1
        new = old + step
    wrong = viewpoints.copy()
    wrong[chosen] = new
    return wrong
