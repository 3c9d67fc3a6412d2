"""MMEngine's Runner beside a bare PyTorch loop: the same model, batches and optimizer."""

import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

from mmvareid.config import load_config
from mmvareid.registry import MODELS

CONFIGS = Path(__file__).parents[1] / "configs"
WARM_UP = 5  # steps


class _Clock(Hook):
    """Note when the steps after the warm-up begin and end."""

    priority = "LOWEST"

    def __init__(self) -> None:
        self.times: list[float] = []

    def after_train_iter(self, *args: Any, **kwargs: Any) -> None:
        self.times.append(now())


def now() -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def make_config(name: str, root: Path, options: dict[str, Any]) -> Config:
    """A config that trains one epoch and tests and saves nothing."""
    chosen = {"data_root": str(root), "train_cfg.max_epochs": 1, **options}
    cfg = load_config(str(CONFIGS / name), chosen)
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    cfg.default_hooks.checkpoint = None
    cfg.work_dir = tempfile.mkdtemp(prefix="training-")
    return cfg


def runner_rate(cfg: Config) -> float:
    """Images a second of the Runner."""
    runner = Runner.from_cfg(cfg)
    clock = _Clock()
    runner.register_hook(clock)
    runner.train()
    steps = len(clock.times) - WARM_UP
    return steps * cfg.train_dataloader.batch_size / (clock.times[-1] - clock.times[WARM_UP - 1])


def bare_rate(cfg: Config) -> float:
    """Images a second of a loop of ten lines."""
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        torch.manual_seed(0)
        model = MODELS.build(cfg.model)
        loader = Runner.build_dataloader(cfg.train_dataloader, seed=0)
    model.to("cuda" if torch.cuda.is_available() else "cpu", memory_format=torch.channels_last)
    model.train()
    optimizer = build_optim_wrapper(model, cfg.optim_wrapper).optimizer
    times = []
    for batch in loader:
        data = model.data_preprocessor(batch, training=True)
        loss = sum(model(**data, mode="loss").values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        times.append(now())
    steps = len(times) - WARM_UP
    return steps * cfg.train_dataloader.batch_size / (times[-1] - times[WARM_UP - 1])
