"""The runner that a config asks for, and what it is refused for before anything is built."""

from typing import Any

import torch
from mmengine.config import Config
from mmengine.runner import Runner

from .flexible_runner import FlexibleRunner

_STRATEGIES = ("SingleDeviceStrategy", "DDPStrategy", "FSDPStrategy")
# What the Runner reads at the top of a config, and FlexibleRunner.from_cfg does not.
_RUNNERS_OWN = ("model_wrapper_cfg", "sync_bn", "find_unused_parameters", "compile")

MIXED = (
    "a head of mmvareid has to get images of one person each, but model.train_cfg.augments, or "
    "batch_augments of data_preprocessor, mixes them; set model.train_cfg=None"
)


def check_run(cfg: Config) -> None:
    """Check what would end in the depths of MMEngine or PyTorch, or be read by nobody.

    Raises:
        ValueError: Images are mixed; a dataloader asks for lasting workers and has none; there is
            no such runner; a strategy is not supported, or would not be read; or a key is not read
            by the runner.
    """
    model = cfg.get("model") or {}
    mixed = (model.get("train_cfg") or {}).get("augments") or any(
        (holder.get("data_preprocessor") or {}).get("batch_augments") for holder in (cfg, model)
    )
    if mixed and str((model.get("head") or {}).get("type")).startswith("mmvareid."):
        raise ValueError(MIXED)
    for split in ("train", "val", "test"):
        loader = cfg.get(f"{split}_dataloader") or {}
        for option, off in (("persistent_workers", False), ("prefetch_factor", None)):
            if loader.get(option) and not loader.get("num_workers"):
                raise ValueError(
                    f"{split}_dataloader.{option} has to be left out with num_workers=0, but got "
                    f"{loader[option]}; set it to {off}"
                )
    kind = cfg.get("runner_type", "Runner")
    if kind not in ("Runner", "FlexibleRunner"):
        raise ValueError(f"runner_type has to be 'Runner' or 'FlexibleRunner', but got {kind!r}")
    if kind == "FlexibleRunner":
        _check_flexible(cfg)
    elif cfg.get("strategy"):
        raise ValueError("strategy has to come with runner_type='FlexibleRunner'; add it")


def build_runner(cfg: Config) -> Any:
    """Build MMEngine's ``Runner``, or the one that ``runner_type`` names, of a checked config.

    ``runner_type="FlexibleRunner"`` with ``strategy=dict(type="FSDPStrategy")`` shares a model's
    weights out among processes, by :class:`.FSDPStrategy`.
    """
    if cfg.get("runner_type", "Runner") == "Runner":
        return Runner.from_cfg(cfg)
    strategy = dict(cfg.get("strategy") or {})
    if strategy.get("type") == "FSDPStrategy":
        strategy["type"] = "mmvareid.FSDPStrategy"
    elif strategy.get("type") == "DDPStrategy" and not torch.cuda.is_available():
        wrapper = dict(device_ids=None, broadcast_buffers=False)
        strategy["model_wrapper"] = {**wrapper, **(strategy.get("model_wrapper") or {})}
    cfg.strategy = strategy or None
    return FlexibleRunner.from_cfg(cfg)


def _check_flexible(cfg: Config) -> None:
    strategy = cfg.get("strategy") or dict(type="SingleDeviceStrategy")
    name = strategy.get("type")
    if str(name).removeprefix("mmvareid.") not in _STRATEGIES:
        raise ValueError(
            f"strategy.type has to be one of {', '.join(_STRATEGIES)}, but got {name!r}, with "
            "which mmvareid's hooks and checkpoints do not work; FSDPStrategy shares weights out "
            "too"
        )
    for key in _RUNNERS_OWN:
        if cfg.get(key):
            raise ValueError(
                f"{key} has to be left out with runner_type='FlexibleRunner', which does not read "
                f"it, but got {cfg[key]!r}; see the arguments of its strategy"
            )
