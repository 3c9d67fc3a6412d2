import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

from mmvareid.datasets import DecodeImage, collate_images

PIPELINE = [
    dict(type="mmvareid.DecodeImage"),
    dict(type="Resize", scale=(8, 16)),
    dict(type="mmvareid.PackImage", algorithm_keys=("person_id", "viewpoint")),
]


def loader(root, workers, pipeline, **options):
    config = dict(
        batch_size=5,
        num_workers=workers,
        sampler=dict(type="DefaultSampler", shuffle=False),
        dataset=dict(
            type="mmvareid.Market1501",
            data_root=str(root),
            viewpoint_file="auto",
            pipeline=pipeline,
        ),
        **options,
    )
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        return Runner.build_dataloader(config)


@pytest.mark.parametrize("workers", [0, 1])
def test_batches_hold_the_pixels_of_the_usual_ones(market_root, workers):
    usual = [
        dict(type="LoadImageFromFile"),
        PIPELINE[1],
        dict(type="PackInputs", algorithm_keys=("person_id", "viewpoint")),
    ]
    options = dict(collate_fn=dict(type="mmvareid.collate_images"))
    batches = zip(
        loader(market_root, workers, PIPELINE, **options),
        loader(market_root, 0, usual),
        strict=True,
    )
    for ours, theirs in batches:
        assert ours["inputs"].dtype == torch.uint8
        assert ours["inputs"].is_contiguous(memory_format=torch.channels_last)
        torch.testing.assert_close(ours["inputs"], torch.stack(theirs["inputs"]))
        for one, other in zip(ours["data_samples"], theirs["data_samples"], strict=True):
            assert one.gt_label == other.gt_label and one.viewpoint == other.viewpoint


def test_images_of_two_sizes_are_refused():
    samples = [dict(inputs=np.zeros((n, 8, 3), np.uint8), data_samples=None) for n in (16, 15)]
    with pytest.raises(ValueError, match=r"of one size, but got \(15, 8, 3\) beside \(16, 8, 3\)"):
        collate_images(samples)


def test_a_dataset_without_bytes_is_told_what_to_use():
    with pytest.raises(KeyError, match="but got img_path; use LoadImageFromFile"):
        DecodeImage().transform(dict(img_path="1.jpg"))
