"""Ranking, the metric built on it, and a baseline without learning to compare with."""

import mmpretrain.evaluation  # noqa: F401  a child registry doesn't import its parent's types

from mmvareid.viewpoint.names import view_name, view_names

from .metric import ReIDMetric
from .ranking.query_expansion import expand_queries
from .ranking.ranking import Ranking, rank
from .ranking.reranking import rerank
from .scores.pair_similarities import PairSimilarities
from .scores.protocols import cross_view, single_view, view_pairs
from .scores.query_pooling import pool_queries
from .scores.scoring import Scoring
from .scores.single_shot import single_shot_scores
from .scores.tables import score_tables
from .scores.verification import verification_rates
from .scores.viewpoint_errors import viewpoint_errors
from .scores.viewpoint_scores import viewpoint_matrix, viewpoint_scores
from .stripe_histogram import stripe_histogram
from .table import Descriptors

__all__ = [
    "Descriptors",
    "PairSimilarities",
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
    "viewpoint_errors",
    "viewpoint_matrix",
    "viewpoint_scores",
]
