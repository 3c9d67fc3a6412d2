"""The validation that a stop has cut off."""

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmvareid.registry import HOOKS


@HOOKS.register_module()
class ValidateResumedHook(Hook):
    """Validate a resumed run first, where the epoch of its checkpoint was due for it.

    MMEngine writes an epoch's checkpoint before it validates, and a resumed run goes on with the
    next epoch. So a run that was stopped in its last validation would never be scored.
    """

    priority = "LOWEST"  # when all other hooks are ready

    def before_train(self, runner: Runner) -> None:
        """Validate, in a run by epochs."""
        loop, due = runner.train_loop, runner.val_interval
        if not runner._resume or not runner.epoch or runner.val_loop is None:
            return
        if runner.epoch >= runner.val_begin and (
            runner.epoch % due == 0 or runner.epoch == loop.max_epochs
        ):
            runner.val_loop.run()
