"""Scores of a test set by viewpoint."""

from collections.abc import Iterable

import numpy as np

from mmvareid.evaluation.table import Descriptors, rank_between

from .protocols import Trial, cross_view, single_view, view_pairs

TOPK = (1, 5)  # what the paper's supplement reports


def viewpoint_scores(table: Descriptors, metric: str = "cosine") -> dict[str, float]:
    """Score within, across and between viewpoints; empty if no viewpoint is known.

    Queries and gallery alike take part. The people searched for are those that a query of the test
    set shows; the others, such as distractors, only stand in galleries. Images of unknown
    viewpoint (-1) take no part.

    Args:
        table (Descriptors): The test set.
        metric (str): 'cosine' or 'euclidean'.

    Returns:
        dict[str, float]: In percent, mAP, Rank-1 and Rank-5 as 'single/front/mAP' (mean of ten
        draws) and 'cross/front/mAP' for each view; mAP and Rank-1 as 'pair/front-side/mAP', the
        queries' view first. Each with 'mean', 'worst' and 'gap', from the best view or pair to the
        worst, such as 'cross/worst/mAP'. What has no match is left out. 'unknown_viewpoints'
        counts images.
    """
    names = table.view_names
    if not names:
        return {}
    scores = {"unknown_viewpoints": float((table.viewpoints < 0).sum())}
    within = single_view(table.persons, table.viewpoints, _searched(table))
    across = cross_view(table.viewpoints, _searched(table))
    for protocol, trials in (("single", within), ("cross", across)):
        found = _mean_summaries(table, trials, metric)
        for key in ("mAP", *(f"Rank-{k}" for k in TOPK)):
            values = {names[view]: summary[key] for (view,), summary in found.items()}
            if values:
                values |= _over_views([*values.values()])
            scores.update({f"{protocol}/{name}/{key}": v for name, v in values.items()})
    for key, matrix in viewpoint_matrix(table, metric).items():
        values = {
            f"{names[i]}-{names[j]}": float(matrix[i, j]) for i, j in np.argwhere(~np.isnan(matrix))
        }
        if values:
            values |= _over_views([*values.values()])
        scores.update({f"pair/{name}/{key}": v for name, v in values.items()})
    return scores


def viewpoint_matrix(table: Descriptors, metric: str = "cosine") -> dict[str, np.ndarray]:
    """Return 'mAP' and 'Rank-1', ``(V, V)`` in percent: query views by gallery views.

    NaN where no query has a match.
    """
    number = len(table.view_names)
    matrices = {key: np.full((number, number), np.nan) for key in ("mAP", "Rank-1")}
    trials = view_pairs(table.viewpoints, _searched(table))
    for pair, summary in _mean_summaries(table, trials, metric).items():
        for key, matrix in matrices.items():
            matrix[pair] = summary[key]
    return matrices


def _searched(table: Descriptors) -> np.ndarray:
    """Whether a query shows the person, (N,)."""
    return np.isin(table.persons, table.persons[table.is_query])


def _mean_summaries(
    table: Descriptors, trials: Iterable[Trial], metric: str
) -> dict[tuple[int, ...], dict[str, float]]:
    """Mean summary of the trials of the same views, if any has a match."""
    found: dict[tuple[int, ...], list[dict[str, float]]] = {}
    for views, query, gallery in trials:
        if len(query) and len(gallery):
            ranking = rank_between(table, query, gallery, metric=metric)
            if (ranking.num_matches > 0).any():
                found.setdefault(views, []).append(ranking.summary(TOPK))
    return {
        views: {key: float(np.mean([one[key] for one in many])) for key in many[0]}
        for views, many in found.items()
    }


def _over_views(values: list[float]) -> dict[str, float]:
    return {
        "mean": float(np.mean(values)),
        "worst": min(values),
        "gap": max(values) - min(values),
    }
