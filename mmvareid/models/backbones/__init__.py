"""Backbones that mmpretrain's options do not reach."""

from .mobilenet_v2 import MobileNetV2
from .seresnext import SEResNeXt

__all__ = ["MobileNetV2", "SEResNeXt"]
