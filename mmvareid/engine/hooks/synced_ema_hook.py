"""Moving averages that are the same on all ranks."""

from mmengine.dist import all_reduce_params, is_distributed
from mmengine.runner import Runner
from mmpretrain.engine import EMAHook

from mmvareid.registry import HOOKS


@HOOKS.register_module()
class SyncedEMAHook(EMAHook):
    """mmpretrain's ``EMAHook``, whose buffers are averaged over ranks after each epoch.

    The weights' averages are the same on all ranks anyway, but each has its own running statistics
    of batch norm, and SyncBuffersHook knows those of the model alone. Arguments are EMAHook's.
    """

    def after_train_epoch(self, runner: Runner) -> None:
        """Average the buffers."""
        if is_distributed():
            all_reduce_params(self.ema_model.module.buffers(), op="mean")
