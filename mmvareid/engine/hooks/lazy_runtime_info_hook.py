"""Losses that are read when they are logged, not in each step."""

from typing import Any

import torch
from mmengine.hooks import LoggerHook, RuntimeInfoHook
from mmengine.runner import Runner
from torch import Tensor

from mmvareid.registry import HOOKS


@HOOKS.register_module()
class LazyRuntimeInfoHook(RuntimeInfoHook):
    """MMEngine's ``RuntimeInfoHook``, which has a GPU waited for only as often as losses are told.

    To read a loss is to wait for all that was asked of the GPU before, and then the GPU waits for
    Python. So the losses of the steps stay where they are, and are read at once: when
    ``LoggerHook`` tells them, at the end of an epoch, and before a checkpoint takes the history
    along. It goes in the place of MMEngine's::

        default_hooks = dict(runtime_info=dict(type="mmvareid.LazyRuntimeInfoHook"), ...)

    A hook that reads a loss from the message hub in another step finds that of the last reading.
    """

    def __init__(self) -> None:
        super().__init__()
        self._interval = 1
        self._names: list[str] = []
        self._steps: list[Tensor] = []  # each (number of losses,)

    def before_train(self, runner: Runner) -> None:
        """Find out how often losses are told."""
        super().before_train(runner)
        intervals = [hook.interval for hook in runner.hooks if isinstance(hook, LoggerHook)]
        self._interval = min(intervals, default=1)

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict | None = None
    ) -> None:
        """Keep the losses, and read those of all steps since, when they are told."""
        if not outputs or not all(isinstance(value, Tensor) for value in outputs.values()):
            super().after_train_iter(runner, batch_idx, data_batch, outputs)
            return
        if self._names != [*outputs]:
            self._read(runner)
            self._names = [*outputs]
        self._steps.append(torch.stack([value.detach().float() for value in outputs.values()]))
        if (
            self.every_n_inner_iters(batch_idx, self._interval)
            or self.every_n_train_iters(runner, self._interval)  # of a loop without epochs
            or self.end_of_epoch(runner.train_dataloader, batch_idx)
        ):
            self._read(runner)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Bring the history up to date that the checkpoint takes along."""
        if self._steps:
            self._read(runner)
            checkpoint["message_hub"] = runner.message_hub.state_dict()

    def _read(self, runner: Runner) -> None:
        if not self._steps:
            return
        for values in torch.stack(self._steps).tolist():
            for name, value in zip(self._names, values, strict=True):
                runner.message_hub.update_scalar(f"train/{name}", value)
        self._steps.clear()
