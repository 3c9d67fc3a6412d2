"""A stop, or a skip, before gradients that are no numbers reach the weights."""

import logging
from collections.abc import Sequence
from typing import Any

import torch
from mmengine.dist import all_gather_object
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from torch import Tensor
from torch.optim import Optimizer

from mmvareid.registry import HOOKS

ACTIONS = ("stop", "skip")


@HOOKS.register_module()
class NonFiniteHook(Hook):
    """Look at the gradients before each step of the optimizer.

    Where one is infinite or not a number, the weights have not been touched yet. Under DDP
    gradients are the same on all ranks, and so is what is done. A loss scale that was too high in
    float16 is left to the scaler, which lowers it; a loss or running statistics that are not finite
    are no matter of the scale.

    Args:
        action (str): 'stop' raises ``FloatingPointError`` with the names of the step's files.
            'skip' leaves the step out, takes the running statistics of batch norm back to those
            before it (before a moving average sees them, at each batch that is accumulated), and
            warns with the names and a count. Under DDP the names are of the ranks
            whose loss or statistics are not finite, if those tell.

    Of several such hooks the last one counts.
    """

    priority = "ABOVE_NORMAL"  # before a moving average sees the statistics

    def __init__(self, action: str = "stop") -> None:
        if action not in ACTIONS:
            raise ValueError(f"action has to be 'stop' or 'skip', but got {action!r}")
        self.action, self.skipped = action, 0
        self._wrapper: OptimWrapper | None = None
        self._buffers: list[Tensor] = []
        self._start_step()

    def _start_step(self) -> None:
        self._files: list[str] = []  # of all batches whose gradients are accumulated
        self._kept: list[Tensor] = []
        self._looked = False
        self._taken_back = False
        self._losses: list[Tensor] = []

    def before_train(self, runner: Runner) -> None:
        """Watch the optimizer, unless a later hook of this kind does."""
        if [hook for hook in runner.hooks if isinstance(hook, NonFiniteHook)][-1] is not self:
            return  # a config adds its own to those it inherits
        wrapper = runner.optim_wrapper
        assert isinstance(wrapper, OptimWrapper)
        self._wrapper = wrapper
        wrapper.optimizer.register_step_pre_hook(self._before_step)
        self._buffers = list(runner.model.buffers())

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Note the batch's files, and in 'skip' the running statistics."""
        if self._wrapper is None:
            return
        if self.action == "skip" and not self._kept:
            self._kept = [buffer.clone() for buffer in self._buffers]
        samples: Sequence = (data_batch or {}).get("data_samples", ())
        self._files += [str(sample.get("img_path", "?")) for sample in samples]

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict | None = None
    ) -> None:
        """Look at what the scaler of float16 has left out without asking this hook."""
        if self._wrapper is None:
            return
        if outputs and "loss" in outputs:
            self._losses.append(outputs["loss"])
        if not self._wrapper.should_update():
            if self.action == "skip" and not self._sound():
                self._take_back()
            return
        if hasattr(self._wrapper, "loss_scaler") and not self._looked:
            sound = all(bool(loss.isfinite()) for loss in self._losses) and self._sound()
            everywhere = all_gather_object((sound, self._files))
            if not all(one for one, _ in everywhere):
                self._act(everywhere)
        self._start_step()

    @torch.no_grad()
    def _before_step(self, optimizer: Optimizer, *args: Any) -> None:
        found = getattr(optimizer, "found_inf", None)  # a fused one gets it from the scaler
        self._looked = found is None or not bool(found)
        if found is not None:  # gradients still have the scale
            return
        weights = [
            weight
            for group in optimizer.param_groups
            for weight in group["params"]
            if weight.grad is not None
        ]
        largest = torch._foreach_norm([weight.grad for weight in weights], float("inf"))
        if bool(torch.stack([value.float() for value in largest]).isfinite().all()):
            return
        for weight in weights:
            weight.grad = None  # an optimizer leaves such weights alone
        self._act(all_gather_object((self._sound(), self._files)))

    def _sound(self) -> bool:
        """Whether the running statistics of this rank have been finite in all of the step."""
        return not self._taken_back and all(
            bool(buffer.isfinite().all()) for buffer in self._buffers
        )

    @torch.no_grad()
    def _act(self, everywhere: list[tuple[bool, list[str]]]) -> None:
        """Stop or skip, with what each rank says of itself and its files."""
        telling = [files for sound, files in everywhere if not sound]
        files = telling or [files for _, files in everywhere]
        what = f"not finite in the batch of {', '.join(name for part in files for name in part)}"
        if self.action == "stop":
            raise FloatingPointError(
                f"{what}; the weights are as before it. Look at these images and their labels, or "
                "go on by dict(type='mmvareid.NonFiniteHook', action='skip')"
            )
        self.skipped += 1
        self._take_back()
        print_log(
            f"{what}: step left out, {self.skipped} so far",
            logger="current",
            level=logging.WARNING,
        )

    @torch.no_grad()
    def _take_back(self) -> None:
        """Set the running statistics to those before the step."""
        self._taken_back = True
        for buffer, kept in zip(self._buffers, self._kept, strict=True):
            buffer.copy_(kept)
