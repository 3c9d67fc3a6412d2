"""Ranking, the metric built on it, and a baseline without learning to compare with."""

import mmpretrain.evaluation  # noqa: F401  a child registry doesn't import its parent's types

from .descriptors import Descriptors
from .protocols import cross_view, single_view, view_name, view_names, view_pairs
from .query_expansion import expand_queries
from .query_pooling import pool_queries
from .ranking import Ranking, rank
from .reid_metric import ReIDMetric
from .reranking import rerank
from .scores import Scoring
from .single_shot import single_shot_scores
from .stripe_histogram import stripe_histogram
from .tables import score_tables
from .verification import verification_rates
from .viewpoint_scores import viewpoint_matrix, viewpoint_scores

__all__ = [
    "Descriptors",
    "Ranking",
    "ReIDMetric",
    "Scoring",
    "cross_view",
    "expand_queries",
    "pool_queries",
    "rank",
    "rerank",
    "score_tables",
    "single_shot_scores",
    "single_view",
    "stripe_histogram",
    "verification_rates",
    "view_name",
    "view_names",
    "view_pairs",
    "viewpoint_matrix",
    "viewpoint_scores",
]
