"""A stop, or a skip, before gradients that are no numbers reach the weights."""

import logging
from collections.abc import Sequence
from typing import Any

import torch
from mmengine.dist import all_gather_object, all_reduce
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from torch import Tensor
from torch.optim import Optimizer

from mmvareid.engine.sharding import is_sharded
from mmvareid.registry import HOOKS

ACTIONS = ("stop", "skip")


@HOOKS.register_module()
class NonFiniteHook(Hook):
    """Look at the gradients before each step of the optimizer.

    Where one is infinite or not a number, the weights have not been touched yet. Under DDP
    gradients are the same on all ranks, and so is what is done. A loss scale that was too high in
    float16 is left to the scaler, which lowers it; a loss or running statistics that are not finite
    are no matter of the scale.

    A fused optimizer (``fused=True``) leaves a bad step out by itself, on its device: nothing is
    waited for, and what was found is read every ``interval`` steps, at the end of an epoch and
    before a checkpoint. Other optimizers have to be told by Python, which looks in each step.

    Args:
        action (str): 'stop' raises ``FloatingPointError`` with the names of the step's files.
            'skip' leaves the step out, takes the running statistics of batch norm back to those
            before it (before a moving average sees them, at each batch that is accumulated), and
            warns with the names and a count. Under DDP the names are of the ranks
            whose loss or statistics are not finite, if those tell.
        interval (int): Steps after which is read what a fused optimizer was told.

    Of several such hooks the last one counts.
    """

    priority = "ABOVE_NORMAL"  # before a moving average sees the statistics

    def __init__(self, action: str = "stop", interval: int = 50) -> None:
        if action not in ACTIONS:
            raise ValueError(f"action has to be 'stop' or 'skip', but got {action!r}")
        if interval < 1:
            raise ValueError(f"interval has to be at least 1, but got {interval}")
        self.action, self.interval, self.skipped = action, interval, 0
        self._wrapper: OptimWrapper | None = None
        self._sharded = False
        self._all_buffers: list[Tensor] = []
        self._buffers: list[Tensor] = []  # those that may be no numbers
        self._unread: list[tuple[Tensor, list[str]]] = []  # of each step: is it bad, am I sound
        self._start_step()

    def _start_step(self) -> None:
        self._files: list[str] = []  # of all batches whose gradients are accumulated
        self._kept: list[Tensor] = []
        self._looked = False
        self._told: Tensor | None = None  # what the optimizer was told of this step
        self._taken_back: Tensor | bool = False
        self._losses: list[Tensor] = []

    def before_train(self, runner: Runner) -> None:
        """Watch the optimizer, unless a later hook of this kind does."""
        if [hook for hook in runner.hooks if isinstance(hook, NonFiniteHook)][-1] is not self:
            return  # a config adds its own to those it inherits
        wrapper = runner.optim_wrapper
        assert isinstance(wrapper, OptimWrapper)
        self._wrapper, self._sharded = wrapper, is_sharded(runner.model)
        wrapper.optimizer.register_step_pre_hook(self._before_step)
        wrapper.optimizer.register_step_post_hook(self._after_step)
        self._buffers = [one for one in runner.model.buffers() if one.is_floating_point()]
        self._all_buffers = list(runner.model.buffers())

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Note the batch's files, and in 'skip' the running statistics."""
        if self._wrapper is None:
            return
        if self.action == "skip" and not self._kept:
            self._kept = [buffer.clone() for buffer in self._all_buffers]
        batch = data_batch if isinstance(data_batch, dict) else {}
        samples: Sequence = batch.get("data_samples", ())
        self._files += [str(sample.get("img_path", "?")) for sample in samples]

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict | None = None
    ) -> None:
        """Look at what the scaler of float16 has left out without asking this hook."""
        if self._wrapper is None:
            return
        if outputs and "loss" in outputs:
            self._losses.append(outputs["loss"].detach())
        if not self._wrapper.should_update():
            if self.action == "skip":
                self._take_back(~self._sound_statistics())
            return
        if self._told is not None:
            sound = finite(self._losses) & self._sound_statistics()
            self._unread.append((torch.stack([self._told, sound]), self._files))
            if self.action == "skip":
                self._take_back(self._told)
            if len(self._unread) >= self.interval:
                self._read()
        elif hasattr(self._wrapper, "loss_scaler") and not self._looked:
            sound_here = bool(finite(self._losses) & self._sound_statistics())
            everywhere = all_gather_object((sound_here, self._files))
            if not all(one for one, _ in everywhere):
                self._act(everywhere)
        self._start_step()

    def after_train_epoch(self, runner: Runner) -> None:
        """Read what is unread."""
        self._read()

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Read what is unread."""
        self._read()

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
        bad = ~finite([weight.grad for weight in weights])  # type: ignore[misc]
        if self._sharded:  # others hold other gradients
            seen = bad.float()
            all_reduce(seen, op="max")
            bad = seen > 0
        if all(group.get("fused") for group in optimizer.param_groups):
            self._told = bad
            optimizer.found_inf = bad.float()  # type: ignore[attr-defined]  # as GradScaler does
            return
        if not bool(bad):
            return
        for weight in weights:
            weight.grad = None  # an optimizer leaves such weights alone
        self._act(all_gather_object((bool(self._sound_statistics()), self._files)))

    def _after_step(self, optimizer: Optimizer, *args: Any) -> None:
        if self._told is not None and hasattr(optimizer, "found_inf"):
            del optimizer.found_inf

    def _read(self) -> None:
        """Act on the steps since the last reading that were left out."""
        unread, self._unread = self._unread, []
        if not unread:
            return
        for (bad, sound), (_, files) in zip(
            torch.stack([found for found, _ in unread]).tolist(), unread, strict=True
        ):
            if bad:
                self._tell(all_gather_object((bool(sound), files)))

    def _sound_statistics(self) -> Tensor:
        """Whether the running statistics of this rank have been finite in all of the step."""
        sound = finite(self._buffers)
        return sound & ~torch.as_tensor(self._taken_back).to(sound.device)

    @torch.no_grad()
    def _act(self, everywhere: list[tuple[bool, list[str]]]) -> None:
        """Stop or skip, with what each rank says of itself and its files."""
        self._tell(everywhere)
        self._take_back(True)

    def _tell(self, everywhere: list[tuple[bool, list[str]]]) -> None:
        """Raise, or warn and count."""
        telling = [files for sound, files in everywhere if not sound]
        files = telling or [files for _, files in everywhere]
        what = f"not finite in the batch of {', '.join(name for part in files for name in part)}"
        if self.action == "stop":
            raise FloatingPointError(
                f"{what}; the weights are without it. Look at these images and their labels, or "
                "go on by dict(type='mmvareid.NonFiniteHook', action='skip')"
            )
        self.skipped += 1
        print_log(
            f"{what}: step left out, {self.skipped} so far",
            logger="current",
            level=logging.WARNING,
        )

    @torch.no_grad()
    def _take_back(self, whether: Tensor | bool) -> None:
        """Set the running statistics to those before the step, or leave them."""
        if isinstance(whether, bool):
            whether = torch.tensor(whether)
        for buffer, kept in zip(self._all_buffers, self._kept, strict=True):
            buffer.copy_(torch.where(whether.to(buffer.device), kept, buffer))
        self._taken_back = whether | torch.as_tensor(self._taken_back).to(whether.device)


@torch.no_grad()
def finite(tensors: Sequence[Tensor]) -> Tensor:
    """Whether all of some floating tensors are finite, a scalar on their device."""
    if not tensors:
        return torch.tensor(True)
    largest = torch._foreach_norm(list(tensors), float("inf"))
    return torch.stack([value.float() for value in largest]).isfinite().all()
