"""CUHK03, new protocol."""

from typing import Any

from mmvareid.registry import DATASETS

from .reid_dataset import ReIDDataset

COUNTS = {
    "detected": {"train": (7365, 767), "query": (1400, 700), "gallery": (5332, 700)},
    "labeled": {"train": (7368, 767), "query": (1400, 700), "gallery": (5328, 700)},
}


@DATASETS.register_module()
class CUHK03(ReIDDataset):
    """CUHK03 in the new protocol, 767 people to train and 700 to test.

    Li et al., DeepReID: Deep Filter Pairing Neural Network for Person Re-identification, CVPR
    2014; the protocol is of Zhong et al., Re-ranking Person Re-identification with k-reciprocal
    Encoding, CVPR 2017, whose archive holds ``cuhk03-np/{detected,labeled}`` in Market-1501 folders
    and names such as ``0001_c1_1.png``. Other copies call the images ``1258_c4_08.jpg`` and so do
    the authors' viewpoints: these match by name, so have to come with images of the same copy.

    Args:
        *args: See :class:`ReIDDataset`; ``data_root`` is the folder of one subset, or ``cuhk03-np``
            or its parent.
        subset: ``'detected'`` or ``'labeled'``: boxes found by a detector or drawn by people.
        **kwargs: See :class:`ReIDDataset`.
    """

    pattern = r"(?P<person>\d+)_c(?P<camera>\d+)_\d+.*"
    example = "0001_c1_1.png"

    def __init__(self, *args: Any, subset: str = "detected", **kwargs: Any) -> None:
        if subset not in COUNTS:
            raise ValueError(f"subset has to be 'detected' or 'labeled', but got {subset!r}")
        self.subfolders = (subset, f"cuhk03-np/{subset}")
        self.public_counts = COUNTS[subset]
        super().__init__(*args, **kwargs)
