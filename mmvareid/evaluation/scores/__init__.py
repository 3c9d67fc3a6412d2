"""What a report says of a test set: scores by name, by viewpoint, of pairs."""

from .scoring import Scoring

__all__ = ["Scoring"]
