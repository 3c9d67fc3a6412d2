"""Ranking, the metric built on it, and a baseline without learning to compare with."""

import mmpretrain.evaluation  # noqa: F401  a child registry doesn't import its parent's types

from .ranking import Ranking, rank
from .reid_metric import ReIDMetric
from .stripe_histogram import stripe_histogram

__all__ = ["Ranking", "ReIDMetric", "rank", "stripe_histogram"]
