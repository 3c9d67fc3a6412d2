"""People to search among by their descriptors."""

from .gallery import Gallery, Hit

__all__ = ["Gallery", "Hit"]
