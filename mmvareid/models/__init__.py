"""Necks, heads and losses; the classifier around them and most backbones are mmpretrain's."""

import mmpretrain.models  # noqa: F401  a child registry does not import its parent's modules

from .backbones import MobileNetV2, SEResNeXt
from .batch_preprocessor import BatchAugmentPreprocessor
from .compiled_blocks import compile_blocks
from .flip_tta import FlipTTAModel
from .heads import JointHead, ReIDHead, StripeHead, VAHead
from .losses import ALSRLoss, BatchHardTriplet, CenterRegularization, LSRLoss, VALSRLoss
from .necks import EmbeddingNeck, JointNeck, StripePyramid

__all__ = [
    "ALSRLoss",
    "BatchAugmentPreprocessor",
    "BatchHardTriplet",
    "CenterRegularization",
    "EmbeddingNeck",
    "FlipTTAModel",
    "JointHead",
    "JointNeck",
    "LSRLoss",
    "MobileNetV2",
    "ReIDHead",
    "SEResNeXt",
    "StripeHead",
    "StripePyramid",
    "VAHead",
    "VALSRLoss",
    "compile_blocks",
]
