"""MMEngine's Runner beside a bare PyTorch loop: the same model, batches and optimizer.

They take turns, a step each, as processes of their own differ by a tenth from run to run.
"""

import tempfile
import time
from collections.abc import Iterator
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


class _BareLoop(Hook):
    """After each step of the Runner, take one of a bare loop; time both."""

    priority = "LOWEST"

    def __init__(self, steps: Iterator[None]) -> None:
        self.steps = steps
        self.seconds: dict[str, list[float]] = {"bare loop": [], "Runner": []}

    def before_train_epoch(self, runner: Runner) -> None:
        self.start = now()

    def after_train_iter(self, *args: Any, **kwargs: Any) -> None:
        half = now()
        next(self.steps)
        end = now()
        self.seconds["Runner"].append(half - self.start)
        self.seconds["bare loop"].append(end - half)
        self.start = now()


def now() -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def make_config(name: str, root: Path, options: dict[str, Any]) -> Config:
    """A config that neither validates nor saves."""
    chosen = {"data_root": str(root), **options}
    cfg = load_config(str(CONFIGS / name), chosen)
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    cfg.default_hooks.checkpoint = None
    cfg.work_dir = tempfile.mkdtemp(prefix="training-")
    return cfg


def bare_loop(cfg: Config) -> Iterator[None]:
    """A loop of ten lines, a step at a time."""
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        torch.manual_seed(0)
        model = MODELS.build(cfg.model)
        loader = Runner.build_dataloader(cfg.train_dataloader, seed=0)
    model.to("cuda" if torch.cuda.is_available() else "cpu", memory_format=torch.channels_last)
    model.train()
    optimizer = build_optim_wrapper(model, cfg.optim_wrapper).optimizer
    while True:
        for batch in loader:
            data = model.data_preprocessor(batch, training=True)
            loss = sum(model(**data, mode="loss").values())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            yield


def measure_loop(cfg: Config) -> dict[str, list[float]]:
    """Images a second of both in each pair of steps."""
    hook = _BareLoop(bare_loop(cfg))
    runner = Runner.from_cfg(cfg)
    runner.register_hook(hook)
    runner.train()
    return {
        case: [cfg.train_dataloader.batch_size / second for second in seconds[WARM_UP:]]
        for case, seconds in hook.seconds.items()
    }
