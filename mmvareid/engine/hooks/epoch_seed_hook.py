"""Randomness that starts anew with each epoch, so that a resumed run is the straight one."""

import numpy as np
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.runner import IterBasedTrainLoop, Runner

from mmvareid.datasets.seeding import seed_everything
from mmvareid.registry import HOOKS


@HOOKS.register_module()
class EpochSeedHook(Hook):
    """Seed everything random by the run's seed, the epoch and the rank.

    MMEngine restores weights, optimizer and schedules, but no random state: what a resumed run
    draws would be what the first epoch drew. With this hook N epochs at a stretch and N epochs with
    a stop between give the same weights, bit for bit on a CPU, for the same number of workers.
    Transforms on the device and drawn identities are seeded too.
    """

    priority = "VERY_LOW"  # nothing random between it and the first batch

    def before_train_epoch(self, runner: Runner) -> None:
        """Seed this process, and have the dataset seed its workers."""
        sequence = np.random.SeedSequence((runner.seed or 0, runner.epoch, get_rank()))
        seed = int(sequence.generate_state(1)[0])
        seed_everything(seed)
        loader = runner.train_dataloader
        set_epoch_seed = getattr(loader.dataset, "set_epoch_seed", None)
        if set_epoch_seed is not None:
            # To this hook, a run by iterations is one epoch, however often it sees the data.
            by_iterations = isinstance(runner.train_loop, IterBasedTrainLoop)
            set_epoch_seed(seed, by_pass=by_iterations and not loader.persistent_workers)
