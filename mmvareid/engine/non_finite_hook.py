"""A stop, or a skip, before gradients that are no numbers reach the weights."""

import logging
from collections.abc import Sequence
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from torch.optim import Optimizer

from mmvareid.registry import HOOKS

ACTIONS = ("stop", "skip")
_SHOWN = 8  # file names


@HOOKS.register_module()
class NonFiniteHook(Hook):
    """Look at the gradients before each step of the optimizer.

    Where one is infinite or not a number, the weights have not been touched yet. Under DDP
    gradients are the same on all ranks, and so is what is done. With a loss scale in float16 the
    scaler leaves such steps out before this hook sees them.

    Args:
        action (str): 'stop' raises ``FloatingPointError`` with the names of the batch's files.
            'skip' leaves the step out, takes the running statistics of batch norm back to those
            before it, and warns with the names and a count.
    """

    def __init__(self, action: str = "stop") -> None:
        if action not in ACTIONS:
            raise ValueError(f"action has to be 'stop' or 'skip', but got {action!r}")
        self.action, self.skipped = action, 0
        self._files: list[str] = []
        self._buffers: list[torch.Tensor] = []
        self._kept: list[torch.Tensor] = []

    def before_train(self, runner: Runner) -> None:
        """Watch the optimizer."""
        wrapper = runner.optim_wrapper
        assert isinstance(wrapper, OptimWrapper)
        wrapper.optimizer.register_step_pre_hook(self._check)
        self._buffers = list(runner.model.buffers())

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Note the batch's files, and in 'skip' the running statistics."""
        samples: Sequence = (data_batch or {}).get("data_samples", ())
        self._files = [str(sample.get("img_path", "?")) for sample in samples]
        if self.action == "skip":
            self._kept = [buffer.clone() for buffer in self._buffers]

    @torch.no_grad()
    def _check(self, optimizer: Optimizer, *args: Any) -> None:
        weights = [
            weight
            for group in optimizer.param_groups
            for weight in group["params"]
            if weight.grad is not None
        ]
        norms = torch._foreach_norm([weight.grad for weight in weights])
        if bool(torch.stack([norm.float() for norm in norms]).isfinite().all()):
            return
        files = ", ".join(self._files[:_SHOWN])
        more = f" and {len(self._files) - _SHOWN} others" if self._files[_SHOWN:] else ""
        what = f"gradients are not finite in the batch of {files}{more}"
        if self.action == "stop":
            raise FloatingPointError(
                f"{what}; the weights are as before it. Look at these images and their labels, or "
                "go on by dict(type='mmvareid.NonFiniteHook', action='skip')"
            )
        self.skipped += 1
        for weight in weights:
            weight.grad = None  # an optimizer leaves such weights alone
        for buffer, kept in zip(self._buffers, self._kept, strict=True):
            buffer.copy_(kept)
        print_log(
            f"{what}: step left out, {self.skipped} so far",
            logger="current",
            level=logging.WARNING,
        )
