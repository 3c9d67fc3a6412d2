"""Training in which each process holds a part of every weight."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from mmengine._strategy import FSDPStrategy as MMEngineFSDPStrategy
from torch import nn
from torch.distributed.fsdp import FullyShardedDataParallel

from mmvareid.registry import STRATEGIES


@STRATEGIES.register_module()
class FSDPStrategy(MMEngineFSDPStrategy):
    """MMEngine's ``FSDPStrategy``, whose checkpoints are whole and resumed, and which runs on CPUs.

    ``tools/train.py`` takes it where a config says ``strategy=dict(type="FSDPStrategy")``. A
    checkpoint has the weights under the names and in the shapes of a run without it, so tests and
    the inferencer load it. It is MMEngine's but for three things: ``state_dict_cfg`` is ``'full'``
    by default and can be nothing else, the optimizer's state is loaded as PyTorch from 2.1 on
    wants it, and without a GPU the wrapper is given the CPU.

    Raises:
        ValueError: ``state_dict_cfg`` is another one.
    """

    def __init__(
        self,
        *,
        model_wrapper: dict | None = None,
        state_dict_cfg: str = "full",
        **kwargs: Any,
    ) -> None:
        if state_dict_cfg != "full":
            raise ValueError(
                "strategy.state_dict_cfg has to be 'full', so that a checkpoint is whole and any "
                f"tool reads it, but got {state_dict_cfg!r}"
            )
        if not torch.cuda.is_available():
            wrapper = dict(type="MMFullyShardedDataParallel", device_id="cpu")
            model_wrapper = {**wrapper, **(model_wrapper or {})}
        super().__init__(model_wrapper=model_wrapper, state_dict_cfg=state_dict_cfg, **kwargs)

    def load_optim_state_dict(self, state_dict: dict) -> None:
        """Load the whole state of the optimizer, of which this process keeps its part."""
        optimizer = self.optim_wrapper.optimizer
        part = FullyShardedDataParallel.optim_state_dict_to_load(self.model, optimizer, state_dict)
        self.optim_wrapper.load_state_dict(part)


def is_sharded(model: nn.Module) -> bool:
    """Whether a run's model is one of FSDP."""
    return isinstance(model, FullyShardedDataParallel)


def whole_weights(model: nn.Module) -> AbstractContextManager:
    """Return a context in which a run's model has its weights whole, to be read by any process.

    All processes have to enter it.
    """
    if is_sharded(model):
        return FullyShardedDataParallel.summon_full_params(model, writeback=False)
    return nullcontext()
