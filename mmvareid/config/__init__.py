"""Configs: found, read with options, and checked."""

from .load import find_config, get_config, load_config

__all__ = ["find_config", "get_config", "load_config"]
