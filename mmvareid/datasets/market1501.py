"""Market-1501."""

from mmvareid.registry import DATASETS

from .reid_dataset import ReIDDataset


@DATASETS.register_module()
class Market1501(ReIDDataset):
    """Market-1501: 32,668 images of 1,501 people from 6 cameras.

    Zheng et al., Scalable Person Re-identification: A Benchmark, ICCV 2015.

    Of the 19,732 files in ``bounding_box_test``, 3,819 are junk (person -1) and are left out, and
    2,798 are distractors (person 0), which stay in the gallery as no one's match.

    See :class:`ReIDDataset` for the arguments and the samples.
    """

    subfolders = ("Market-1501-v15.09.15",)
    multi_query_folder = "gt_bbox"
    pattern = r"(?P<person>-1|\d+)_c(?P<camera>\d+)s\d+_\d+_\d+.*"
    example = "0002_c1s1_000451_03.jpg"
    distractor = 0
    public_counts = {"train": (12936, 751), "query": (3368, 750), "gallery": (15913, 750)}
