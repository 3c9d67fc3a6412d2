"""A dataset that gets over unreadable images in training."""

import logging
from pathlib import Path
from typing import Any

import mmcv
import numpy as np
from mmengine.logging import print_log
from mmpretrain.datasets import BaseDataset

JPEG_START, JPEG_SCAN, JPEG_END = b"\xff\xd8", b"\xff\xda", b"\xff\xd9"


class TolerantDataset(BaseDataset):
    """Replace an image that is missing, cut off or does not decode by another of its class.

    So a damaged file does not end a training of days, and a batch of P people x K images stays
    one. Each worker warns once of each file. With ``test_mode=True`` such a file is an error.
    Errors that are not the image's fault are raised as they are.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._unreadable: set[str] = set()
        super().__init__(*args, **kwargs)

    def prepare_data(self, idx: int) -> Any:
        """Run the pipeline on image ``idx``, or on another of its class if it is unreadable.

        Where all of a class are unreadable, None makes the parent take any other image.
        """
        data = self._load(idx)
        if data is None and not self.test_mode:
            labels = self.get_gt_labels()
            for other in np.random.permutation(np.flatnonzero(labels == labels[idx])):
                data = self._load(int(other))
                if data is not None:
                    break
        return data

    def _load(self, idx: int) -> Any:
        info = self.get_data_info(idx)
        path = info["img_path"]
        if is_complete(path):
            try:
                return self.pipeline(info)
            except Exception:
                if decodes(path):
                    raise
        if self.test_mode:
            raise ValueError(
                f"every test image has to be readable, but '{path}' is missing, cut off or no "
                "image; copy it again"
            )
        if path not in self._unreadable:
            self._unreadable.add(path)
            print_log(
                f"'{path}' is missing, cut off or no image; another image of the person takes its "
                f"place ({len(self._unreadable)} such so far in this worker)",
                logger="current",
                level=logging.WARNING,
            )
        return None


def is_complete(path: str) -> bool:
    """Tell whether the file is there and, if it is a JPEG, not cut off.

    OpenCV 4 decodes a JPEG that was cut off, fills the missing rows with grey and raises nothing.
    The end marker cannot occur within a scan, so it has to stand behind the last scan's start;
    what follows it is padding.
    """
    try:
        data = Path(path).read_bytes()
    except OSError:
        return False
    if not data.startswith(JPEG_START):
        return bool(data)
    return data.rfind(JPEG_END) > data.rfind(JPEG_SCAN)


def decodes(path: str) -> bool:
    """Tell whether the file, which is complete, decodes as an image."""
    try:
        return mmcv.imfrombytes(Path(path).read_bytes()) is not None
    except Exception:  # None is the rule, but OpenCV raises on a header of absurd size
        return False
