"""What runs beside training: hooks."""

import mmpretrain.engine  # noqa: F401  a child registry does not import its parent's modules

from .center_angle_hook import CenterAngleHook
from .channels_last_hook import ChannelsLastHook
from .data_check_hook import DataCheckHook
from .epoch_seed_hook import EpochSeedHook
from .non_finite_hook import NonFiniteHook
from .resume_hook import ValidateResumedHook
from .retrieval_visualization_hook import RetrievalVisualizationHook
from .synced_ema_hook import SyncedEMAHook
from .unreadable_images_hook import UnreadableImagesHook

__all__ = [
    "CenterAngleHook",
    "ChannelsLastHook",
    "DataCheckHook",
    "EpochSeedHook",
    "NonFiniteHook",
    "RetrievalVisualizationHook",
    "SyncedEMAHook",
    "UnreadableImagesHook",
    "ValidateResumedHook",
]
