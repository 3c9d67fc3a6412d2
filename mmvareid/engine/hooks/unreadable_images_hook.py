"""How many images a training could not read."""

import logging

from mmengine.dist import all_reduce
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner
from torch import Tensor

from mmvareid.registry import HOOKS

_SHOWN = 20  # names


@HOOKS.register_module()
class UnreadableImagesHook(Hook):
    """Say after an epoch how many images could not be read, over all workers and ranks.

    A worker warns of each file when it meets it, but those of other ranks than the first are not
    heard. Nothing is said of datasets other than :class:`.TolerantDataset`, nor where there is
    nothing new.
    """

    def __init__(self) -> None:
        self._told = 0

    def after_train_epoch(self, runner: Runner) -> None:
        """Count, and name the files."""
        dataset = runner.train_dataloader.dataset
        if not isinstance(getattr(dataset, "unreadable", None), Tensor):
            return
        found = dataset.unreadable.clone()
        all_reduce(found, op="max")
        count = int(found.sum())
        if count == self._told:
            return
        self._told = count
        paths = [dataset.get_data_info(i)["img_path"] for i in found.nonzero().flatten().tolist()]
        more = f" and {count - _SHOWN} others" if count > _SHOWN else ""
        print_log(
            f"{count} of {len(found)} training images so far are missing, cut off or no images; "
            f"others of the same people took their places: {', '.join(paths[:_SHOWN])}{more}",
            logger="current",
            level=logging.WARNING,
        )
