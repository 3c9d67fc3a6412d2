"""Mixed precision where there is no GPU: MMEngine's AmpOptimWrapper refuses CPUs."""

from contextlib import contextmanager

import torch
from mmengine.optim import OptimWrapper

from mmvareid.registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class CpuAmpOptimWrapper(OptimWrapper):
    """bfloat16 by autocast around the forward pass, and no scaler."""

    @contextmanager
    def optim_context(self, model):
        with super().optim_context(model), torch.autocast("cpu", torch.bfloat16):
            yield
