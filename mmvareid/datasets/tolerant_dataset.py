"""A dataset that gets over unreadable images in training."""

import contextlib
import logging
import os
from typing import Any

import numpy as np
import torch
from mmengine.logging import print_log
from mmpretrain.datasets import BaseDataset
from torch.utils.data import get_worker_info

from mmvareid.fileio.images import UnreadableImageError, run_pipeline
from mmvareid.moved import old_names

from .seeding import seed_everything

__getattr__ = old_names(__name__, "fileio.images")


class TolerantDataset(BaseDataset):
    """Replace an image that is missing, cut off or does not decode by another of its class.

    So a damaged file does not end a training of days, and a batch of P people x K images stays
    one. Such a file is warned of once, and :class:`.UnreadableImagesHook` counts all. With
    ``test_mode=True`` it is an error, and a folder that has gone always is. Errors that are not the
    image's fault are raised as they are.

    Attributes:
        unreadable (Tensor): ``(N,)`` uint8, 1 for each image that could not be read so far; shared
            by all workers.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # Shared with workers that live on from epoch to epoch; -1 leaves their randomness alone.
        self._epoch_seed = torch.full((), -1, dtype=torch.int64).share_memory_()
        self._seeded_with, self._by_pass = -1, False
        self._labels_of: tuple[Any, np.ndarray] | None = None
        super().__init__(*args, **kwargs)

    def full_init(self) -> None:
        """Read the list of images, and make room for what is found of each."""
        if self._fully_initialized:
            return
        super().full_init()
        self.unreadable = torch.zeros(len(self), dtype=torch.uint8).share_memory_()

    def set_epoch_seed(self, seed: int, by_pass: bool = False) -> None:
        """Seed the transforms, in each worker anew, at the next image.

        So an epoch's randomness does not depend on those before it, and a resumed run is the same.

        Args:
            seed (int): Of the epoch.
            by_pass (bool): Each pass over the data has workers of its own, and the seed is for
                more than one: they are seeded by what PyTorch draws for the pass too.
        """
        self._by_pass = by_pass
        self._epoch_seed.fill_(seed)

    def prepare_data(self, idx: int) -> Any:
        """Run the pipeline on image ``idx``, or on another of its class if it is unreadable.

        Where all of a class are unreadable, any other image is taken.

        Raises:
            ValueError: No image at all can be read.
        """
        seed = int(self._epoch_seed)
        if seed != self._seeded_with:
            worker = get_worker_info()
            drawn = [worker.seed] if worker is not None and self._by_pass else []
            seed_everything(seed, 0 if worker is None else 1 + worker.id, *drawn)
            self._seeded_with = seed
        data = self._load(idx)
        return self._load_other(idx) if data is None else data

    def _load_other(self, idx: int) -> Any:
        """Return another image of a class, or of any, in place of one that cannot be read."""
        labels = self._labels()
        own = labels == labels[idx]
        for group in (own, ~own):
            for other in np.random.permutation(np.flatnonzero(group)):
                if not self.unreadable[other] and (data := self._load(int(other))) is not None:
                    return data
        raise ValueError(
            f"training has to have images that can be read, but none of {len(labels)} can, such as "
            f"'{self.get_data_info(idx)['img_path']}'; copy them again, or look at them by "
            "tools/misc/verify_dataset.py"
        )

    def _labels(self) -> np.ndarray:
        """Return the labels (N,), for which all samples are unpacked, once."""
        samples = self.data_address if self.serialize_data else self.data_list
        if self._labels_of is None or self._labels_of[0] is not samples:  # of a subset they differ
            self._labels_of = samples, self.get_gt_labels()
        return self._labels_of[1]

    def _load(self, idx: int) -> Any:
        info = self.get_data_info(idx)
        path = info["img_path"]
        with contextlib.suppress(UnreadableImageError):
            return run_pipeline(self.pipeline, info)
        if self.test_mode:
            raise ValueError(
                f"every test image has to be readable, but '{path}' is missing, cut off or no "
                "image; copy it again"
            )
        folder = os.path.dirname(path)
        if not os.path.isdir(folder):
            raise FileNotFoundError(
                f"the folder '{folder}' has gone; bring it back, and go on by --resume"
            )
        if not self.unreadable[idx]:
            self.unreadable[idx] = 1
            print_log(
                f"'{path}' is missing, cut off or no image; another image of the person takes its "
                "place",
                logger="current",
                level=logging.WARNING,
            )
        return None
