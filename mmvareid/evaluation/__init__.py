"""Ranking, the metric built on it, and a baseline without learning to compare with."""

import mmpretrain.evaluation  # noqa: F401  a child registry doesn't import its parent's types

from .protocols import cross_view, single_view, view_names, view_pairs
from .ranking import Ranking, rank
from .reid_metric import ReIDMetric
from .reranking import rerank
from .stripe_histogram import stripe_histogram
from .tables import score_tables
from .viewpoint_scores import ViewpointTest

__all__ = [
    "Ranking",
    "ReIDMetric",
    "ViewpointTest",
    "cross_view",
    "rank",
    "rerank",
    "score_tables",
    "single_view",
    "stripe_histogram",
    "view_names",
    "view_pairs",
]
