"""What runs beside training: hooks, and what is set of the process before it."""

import mmpretrain.engine  # noqa: F401  a child registry does not import its parent's modules

from .hooks.center_angle_hook import CenterAngleHook
from .hooks.channels_last_hook import ChannelsLastHook
from .hooks.compile_blocks_hook import CompileBlocksHook
from .hooks.data_check_hook import DataCheckHook
from .hooks.epoch_seed_hook import EpochSeedHook
from .hooks.lazy_runtime_info_hook import LazyRuntimeInfoHook
from .hooks.non_finite_hook import NonFiniteHook
from .hooks.resume_hook import ValidateResumedHook
from .hooks.retrieval_visualization_hook import RetrievalVisualizationHook
from .hooks.synced_ema_hook import SyncedEMAHook
from .hooks.unreadable_images_hook import UnreadableImagesHook
from .sharding import FSDPStrategy

__all__ = [
    "CenterAngleHook",
    "ChannelsLastHook",
    "CompileBlocksHook",
    "DataCheckHook",
    "EpochSeedHook",
    "FSDPStrategy",
    "LazyRuntimeInfoHook",
    "NonFiniteHook",
    "RetrievalVisualizationHook",
    "SyncedEMAHook",
    "UnreadableImagesHook",
    "ValidateResumedHook",
]
