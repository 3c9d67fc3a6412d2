"""All scores of a test set by the switches of a metric."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from mmengine.logging import print_log

from mmvareid.config.suggest import did_you_mean
from mmvareid.evaluation.ranking.query_expansion import expand_queries, expansion_options
from mmvareid.evaluation.ranking.ranking import AP_TYPES, Ranking
from mmvareid.evaluation.ranking.reranking import rerank_options
from mmvareid.evaluation.ranking.similarity import METRICS
from mmvareid.evaluation.table import Descriptors

from .query_pooling import pool_queries
from .single_shot import single_shot_scores
from .verification import verification_rates
from .viewpoint_errors import viewpoint_errors
from .viewpoint_scores import viewpoint_scores


class UnknownOptionError(ValueError, TypeError):
    """There is no option of this name; a ``TypeError`` too, as a wrong keyword is in Python."""


@dataclass(frozen=True)
class Scoring:
    """What to score a test set by.

    Attributes:
        metric (str): 'cosine' or 'euclidean'.
        ap (str): 'rectangular' or 'trapezoid', see :func:`mmvareid.evaluation.rank`.
        topk (int | Sequence[int]): Ranks k to report as 'Rank-k'.
        rerank (bool | dict): Report also 'rerank/mAP' and so on, by k-reciprocal re-ranking of the
            same features; a dict sets its ``k1``, ``k2`` and ``lambda_value``.
        expand (bool | dict): Report also 'expanded/mAP' and so on, by average query expansion, of
            cosine whatever ``metric`` is; a dict sets its ``k`` and ``alpha``.
        pool_queries (bool): Multi-query search, see :func:`mmvareid.evaluation.pool_queries`.
        viewpoints (bool): Report also 'single/front/mAP' and so on, see
            :func:`mmvareid.evaluation.viewpoint_scores` and
            :func:`mmvareid.evaluation.viewpoint_errors`; nothing if no viewpoint is known.
        verification (bool): Report also 'verification/TPR@FPR=0.001' and so on, and their
            thresholds, 'verification/threshold@FPR=0.001', which are cosines.
        single_shot (bool): Report also 'single_shot/Rank-k', CUHK03's first protocol.
    """

    metric: str = "cosine"
    ap: str = "rectangular"
    topk: int | Sequence[int] = (1, 5, 10)
    rerank: bool | dict[str, Any] = False
    expand: bool | dict[str, Any] = False
    pool_queries: bool = False
    viewpoints: bool = False
    verification: bool = False
    single_shot: bool = False

    def __post_init__(self) -> None:
        if self.metric not in METRICS:
            raise ValueError(f"metric has to be one of {METRICS}, but got {self.metric!r}")
        if self.ap not in AP_TYPES:
            raise ValueError(f"ap has to be one of {AP_TYPES}, but got {self.ap!r}")
        object.__setattr__(self, "topk", _as_ranks(self.topk))
        rerank_options(self.rerank)
        expansion_options(self.expand)
        for name in ("pool_queries", "viewpoints", "verification", "single_shot"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name} has to be a bool, but got {getattr(self, name)!r}")

    @classmethod
    def of_options(cls, owner: str, options: dict[str, Any]) -> "Scoring":
        """Make it of options by name.

        Args:
            owner (str): Whose they are, for the message.
            options (dict): Those that differ from the defaults.

        Raises:
            ValueError: One has a value that does not fit.
            UnknownOptionError: There is no such one.
        """
        known = cls.__dataclass_fields__
        for key in options.keys() - known.keys():
            raise UnknownOptionError(f"{owner} does not know {key!r}{did_you_mean(key, known)}")
        return cls(**options)

    def score(self, table: Descriptors) -> dict[str, float]:
        """Return all scores by name, in percent; log what takes no part."""
        topk = _as_ranks(self.topk)
        if self.pool_queries:
            table = pool_queries(table, self.metric)
        how = dict(metric=self.metric, ap=self.ap)
        ranking = table.rank(**how)
        print_log(_describe(table, ranking), logger="current")
        scores = ranking.summary(topk)

        def add(group: str, found: dict[str, float]) -> None:
            scores.update({f"{group}/{name}": value for name, value in found.items()})

        if self.rerank is not False:
            add("rerank", table.rank(**how, rerank=self.rerank).summary(topk))
        expansion = expansion_options(self.expand)
        if expansion is not None:
            add("expanded", _expanded(table, expansion).rank(ap=self.ap).summary(topk))
        if self.verification:
            add("verification", verification_rates(table))
        if self.single_shot:
            add("single_shot", single_shot_scores(table, topk, metric=self.metric))
        if self.viewpoints and (table.viewpoints >= 0).any():
            unknown = int((table.viewpoints < 0).sum())
            print_log(
                f"Viewpoints of {len(table) - unknown} images are known; {unknown} are left out of "
                "the scores by viewpoint",
                logger="current",
            )
            scores.update(viewpoint_scores(table, self.metric))
            scores.update(viewpoint_errors(table, self.metric))
        return scores


def _as_ranks(topk: Any) -> tuple[int, ...]:
    """Return the ranks to report, also where there is but one."""
    ranks = topk if isinstance(topk, Sequence) else (topk,)
    if not ranks or not all(type(k) is int and k >= 1 for k in ranks):
        raise ValueError(f"topk has to hold ranks from 1 on, but got {topk}")
    return tuple(ranks)


def _expanded(table: Descriptors, options: dict[str, Any]) -> Descriptors:
    """Return the table with expanded queries, and without junk, which nobody finds."""
    kept = np.flatnonzero(table.is_query | (table.persons != -1))
    features, persons, cameras = table.select(kept)
    is_query = table.is_query[kept]
    asks = torch.as_tensor(is_query, device=features.device)
    queries = expand_queries(features[asks], features[~asks], **options)
    features = features.to(queries.dtype, copy=True)
    features[asks] = queries
    return Descriptors(features, persons, cameras, table.viewpoints[kept], is_query)


def _describe(table: Descriptors, ranking: Ranking) -> str:
    without = int((ranking.num_matches == 0).sum())
    people, others = table.persons[table.is_query], table.persons[~table.is_query]
    return (
        f"{len(people)} queries, {without} of them left out for want of a match; {len(others)} "
        f"gallery images, {int((~np.isin(others, people)).sum())} of them of nobody that a query "
        "shows"
    )
