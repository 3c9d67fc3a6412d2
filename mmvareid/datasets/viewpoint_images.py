"""Some labelled images of a dataset, to train a classifier of viewpoints."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mmvareid.registry import DATASETS

from .infos import dataset_infos
from .tolerant_dataset import TolerantDataset

PARTS = ("labelled", "others")


@DATASETS.register_module()
class ViewpointImages(TolerantDataset):
    """Images of a re-ID dataset whose ``gt_label`` is the viewpoint.

    The people are cut in halves. From the first, images are drawn to learn from; all of the second
    test. So an accuracy is of people who were never seen. Images of unknown viewpoint are left out.

    Args:
        dataset: Config of a :class:`ReIDDataset` with viewpoints.
        part: ``'labelled'``, to learn from, or ``'others'``.
        num_images: How many to learn from; 600 as in §4.5 of VA-reID.
        seed: Of the halves and of the draw.
        pipeline: Transforms.
        **kwargs: As for :class:`mmpretrain.datasets.BaseDataset`.

    Raises:
        ValueError: If there are not as many images with a viewpoint, or ``part`` is neither.
    """

    METAINFO = {"classes": ("front", "side", "back")}

    def __init__(
        self,
        dataset: dict,
        part: str = "labelled",
        num_images: int = 600,
        seed: int = 0,
        pipeline: Sequence = (),
        **kwargs: Any,
    ) -> None:
        if part not in PARTS:
            raise ValueError(f"part has to be one of {PARTS}, but got {part!r}")
        self.source, self.part = dataset, part
        self.num_images, self.seed = num_images, seed
        super().__init__(ann_file="", pipeline=pipeline, **kwargs)

    def load_data_list(self) -> list[dict]:
        """List the images of the part, with the viewpoint as ``gt_label``."""
        infos = dataset_infos(DATASETS.build({**self.source, "pipeline": []}))
        infos = [info for info in infos if info["viewpoint"] >= 0]
        rng = np.random.default_rng(self.seed)
        people = rng.permutation(sorted({info["person_id"] for info in infos}))
        learners = set(people[: -(-len(people) // 2)].tolist())
        if self.part == "others":
            infos = [info for info in infos if info["person_id"] not in learners]
        else:
            infos = [info for info in infos if info["person_id"] in learners]
            if self.num_images > len(infos):
                raise ValueError(
                    f"num_images has to be at most {len(infos)}, the images with a viewpoint of "
                    f"half of the people, but got {self.num_images}"
                )
            chosen = sorted(rng.choice(len(infos), self.num_images, replace=False))
            infos = [infos[i] for i in chosen]
        return [{"img_path": info["img_path"], "gt_label": info["viewpoint"]} for info in infos]
