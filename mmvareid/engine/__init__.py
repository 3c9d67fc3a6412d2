"""What runs beside training: hooks."""

import mmpretrain.engine  # noqa: F401  a child registry does not import its parent's modules

from .channels_last_hook import ChannelsLastHook
from .data_check_hook import DataCheckHook

__all__ = ["ChannelsLastHook", "DataCheckHook"]
