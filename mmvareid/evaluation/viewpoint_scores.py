"""Scores of a test set by viewpoint."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .protocols import Trial, cross_view, single_view, view_names, view_pairs
from .ranking import rank

TOPK = (1, 5)  # what the paper's supplement reports


@dataclass(frozen=True)
class ViewpointTest:
    """A test set with viewpoints: queries and gallery alike take part.

    The people searched for are those that a query of the test set shows; the others, such as
    distractors, only stand in galleries. Images of unknown viewpoint (-1) take no part.

    Attributes:
        features (Tensor): ``(N, D)``.
        persons (np.ndarray): ``(N,)``.
        cameras (np.ndarray): ``(N,)``.
        viewpoints (np.ndarray): ``(N,)``.
        is_query (np.ndarray): ``(N,)`` bool.
        metric (str): 'cosine' or 'euclidean'.
    """

    features: Tensor
    persons: np.ndarray
    cameras: np.ndarray
    viewpoints: np.ndarray
    is_query: np.ndarray
    metric: str = "cosine"

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the V viewpoints up to the largest one."""
        return view_names(int(self.viewpoints.max()) + 1)

    def scores(self) -> dict[str, float]:
        """Score within, across and between viewpoints; empty if no viewpoint is known.

        Returns:
            dict[str, float]: In percent, mAP, Rank-1 and Rank-5 as 'single/front/mAP' (mean of ten
            draws) and 'cross/front/mAP' for each view; mAP and Rank-1 as 'pair/front-side/mAP',
            the queries' view first. Each with 'mean', 'worst' and 'gap', from the best view or
            pair to the worst, such as 'cross/worst/mAP'. What has no match is left out.
            'unknown_viewpoints' counts images.
        """
        names = self.names
        if not names:
            return {}
        scores = {"unknown_viewpoints": float((self.viewpoints < 0).sum())}
        within = single_view(self.persons, self.viewpoints, self._searched())
        across = cross_view(self.viewpoints, self._searched())
        for protocol, trials in (("single", within), ("cross", across)):
            found = self._mean_summaries(trials)
            for key in ("mAP", *(f"Rank-{k}" for k in TOPK)):
                values = {names[view]: summary[key] for (view,), summary in found.items()}
                if values:
                    values |= _over_views([*values.values()])
                scores.update({f"{protocol}/{name}/{key}": v for name, v in values.items()})
        for key, matrix in self.matrix().items():
            values = {
                f"{names[i]}-{names[j]}": float(matrix[i, j])
                for i, j in np.argwhere(~np.isnan(matrix))
            }
            if values:
                values |= _over_views([*values.values()])
            scores.update({f"pair/{name}/{key}": v for name, v in values.items()})
        return scores

    def matrix(self) -> dict[str, np.ndarray]:
        """Return 'mAP' and 'Rank-1', ``(V, V)`` in percent: query views by gallery views.

        NaN where no query has a match.
        """
        number = len(self.names)
        matrices = {key: np.full((number, number), np.nan) for key in ("mAP", "Rank-1")}
        for pair, summary in self._mean_summaries(
            view_pairs(self.viewpoints, self._searched())
        ).items():
            for key, matrix in matrices.items():
                matrix[pair] = summary[key]
        return matrices

    def _searched(self) -> np.ndarray:
        """Whether a query shows the person, (N,)."""
        return np.isin(self.persons, self.persons[self.is_query])

    def _mean_summaries(self, trials: Iterable[Trial]) -> dict[tuple[int, ...], dict[str, float]]:
        """Mean summary of the trials of the same views, if any has a match."""
        found: dict[tuple[int, ...], list[dict[str, float]]] = {}
        for views, query, gallery in trials:
            if len(query) and len(gallery):
                ranking = rank(
                    self.features[torch.as_tensor(query)],
                    self.features[torch.as_tensor(gallery)],
                    *(self.persons[query], self.persons[gallery]),
                    *(self.cameras[query], self.cameras[gallery]),
                    self.metric,
                )
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
