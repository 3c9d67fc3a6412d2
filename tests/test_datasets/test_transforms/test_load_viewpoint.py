"""Viewpoints from a CSV for mmpretrain's own dataset, up to our head."""

import cv2
import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmpretrain.datasets import CustomDataset

from mmvareid.datasets import LoadViewpoint
from mmvareid.models import VAHead


@pytest.fixture
def folder(tmp_path):
    """Two people with two images each, and a CSV that lacks the last."""
    lines = ["filename,viewpoint"]
    for person in ("ann", "bob"):
        (tmp_path / "images" / person).mkdir(parents=True)
        for number in range(2):
            path = tmp_path / "images" / person / f"{person}_{number}.jpg"
            cv2.imwrite(str(path), np.zeros((8, 4, 3), np.uint8))
            lines.append(f"{path.name},{('front', 'back')[number]}")
    (tmp_path / "viewpoints.csv").write_text("\n".join(lines[:-1]))
    return tmp_path


def dataset(folder, **options):
    pipeline = [
        dict(type="LoadImageFromFile"),
        dict(type="mmvareid.LoadViewpoint", viewpoint_file=folder / "viewpoints.csv", **options),
        dict(type="PackInputs", algorithm_keys=("viewpoint",)),
    ]
    return CustomDataset(data_root=str(folder), data_prefix="images", pipeline=pipeline)


def test_samples_of_mmpretrains_dataset_reach_the_viewpoint_loss(folder):
    found = dataset(folder, missing="unknown")
    assert [found[i]["data_samples"].viewpoint for i in range(4)] == [0, 2, 0, -1]
    samples = pseudo_collate([found[i] for i in range(4)])["data_samples"]
    losses = VAHead(in_channels=8, num_classes=2).loss((torch.randn(4, 8),), samples)
    assert losses["loss_view"] > 0


def test_an_image_that_the_file_lacks_is_named(folder):
    with pytest.raises(ValueError, match=r"viewpoints.csv has to name every image.* bob_1.jpg"):
        dataset(folder)[3]
    with pytest.raises(ValueError, match="missing has to be 'error' or 'unknown', but got 'skip'"):
        LoadViewpoint(folder / "viewpoints.csv", missing="skip")
    with pytest.raises(FileNotFoundError, match=r"nothing\.csv"):
        LoadViewpoint(folder / "nothing.csv")
