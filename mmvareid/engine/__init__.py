"""What runs beside training: hooks."""

import mmpretrain.engine  # noqa: F401  a child registry does not import its parent's modules

from .center_angle_hook import CenterAngleHook
from .channels_last_hook import ChannelsLastHook
from .data_check_hook import DataCheckHook
from .epoch_seed_hook import EpochSeedHook
from .non_finite_hook import NonFiniteHook
from .retrieval_visualization_hook import RetrievalVisualizationHook

__all__ = [
    "CenterAngleHook",
    "ChannelsLastHook",
    "DataCheckHook",
    "EpochSeedHook",
    "NonFiniteHook",
    "RetrievalVisualizationHook",
]
