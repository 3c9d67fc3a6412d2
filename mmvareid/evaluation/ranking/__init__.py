"""From features to who is found when: exact, in blocks, re-ranked or with expanded queries."""

from .query_expansion import expand_queries
from .ranking import AP_TYPES, Ranking, rank
from .reranking import rerank

__all__ = ["AP_TYPES", "Ranking", "expand_queries", "rank", "rerank"]
