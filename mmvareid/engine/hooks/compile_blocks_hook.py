"""Training with compiled blocks."""

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.optim import AmpOptimWrapper
from mmengine.runner import Runner
from torch import nn
from torch.torch_version import TorchVersion

from mmvareid.models.compiled_blocks import BLOCKS, compile_blocks
from mmvareid.registry import HOOKS

# MMEngine's way was seen to work with mixed precision on this one, and to fail on 2.11.
_WHOLE_STEP_WITH_AMP = "2.14"


@HOOKS.register_module()
class CompileBlocksHook(Hook):
    """Compile what the backbone repeats, the neck and the losses, for training.

    See :func:`mmvareid.models.compile_blocks`. The first step takes the time of compiling;
    checkpoints are as ever, and a run may be resumed with the hook or without it. Validation runs
    uncompiled: its last batch has a size of its own, and its scores are those of ``tools/test.py``.

    Args:
        blocks (Sequence[str]): Class names of the backbone's blocks, such as
            ``["TransformerEncoderLayer"]`` of a ViT, ``["SwinBlock"]`` or ``["ConvNeXtBlock"]``.
            Defaults to those of ResNets.
        losses (bool): Whether to compile the neck and the losses too. Defaults to True.
        backend (str): As of ``torch.compile``. Defaults to 'inductor'.
        mode (str, optional): As of ``torch.compile``; ``'reduce-overhead'`` records CUDA graphs of
            the blocks.

    Raises:
        ValueError: The backbone has no such block, or the config has ``compile`` as well.
    """

    priority = "VERY_LOW"  # when weights are loaded and moving averages have their copy

    def __init__(
        self,
        blocks: Sequence[str] = BLOCKS,
        losses: bool = True,
        backend: str = "inductor",
        mode: str | None = None,
    ) -> None:
        self.blocks = (blocks,) if isinstance(blocks, str) else tuple(blocks)
        self.losses, self.backend, self.mode = losses, backend, mode
        self._modules: list[nn.Module] = []
        self._compiled: list[Any] = []

    def before_train(self, runner: Runner) -> None:
        """Mark what is compiled when it is first called."""
        if runner.cfg.get("compile"):
            raise ValueError("CompileBlocksHook takes the place of `compile`; set compile=False")
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        options: dict[str, Any] = dict(backend=self.backend)
        if self.mode is not None:
            options["mode"] = self.mode
        self._modules = compile_blocks(model, self.blocks, self.losses, **options)
        self._compiled = [module._compiled_call_impl for module in self._modules]

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Tell recorded graphs that what the last step computed is not needed any more."""
        if self.mode == "reduce-overhead":
            torch.compiler.cudagraph_mark_step_begin()

    def before_val_epoch(self, runner: Runner) -> None:
        """Take the modules as they are written."""
        for module in self._modules:
            module._compiled_call_impl = None  # what Module.compile sets and __call__ reads

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Take the compiled ones again."""
        for module, compiled in zip(self._modules, self._compiled, strict=True):
            module._compiled_call_impl = compiled


def check_compile(runner: Runner) -> None:
    """Raise ``ValueError`` where MMEngine's ``compile`` would end within torch.

    It compiles the whole step, and with it the entry of its autocast.
    """
    older = TorchVersion(torch.__version__) < _WHOLE_STEP_WITH_AMP
    if runner.cfg.get("compile") and older and isinstance(runner.optim_wrapper, AmpOptimWrapper):
        raise ValueError(
            f"compile=True does not work with AmpOptimWrapper on torch {torch.__version__}; set "
            "compile=False, and add dict(type='mmvareid.CompileBlocksHook') to custom_hooks"
        )
