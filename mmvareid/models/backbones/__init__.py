"""Backbones that mmpretrain's options do not reach."""

from .seresnext import SEResNeXt

__all__ = ["SEResNeXt"]
