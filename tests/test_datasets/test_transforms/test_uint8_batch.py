import runpy
import sys
from unittest import mock

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from small_run import ROOT, SMALL, parse_options

from mmvareid.apis import ReIDInferencer, inference_dataloader, list_images
from mmvareid.config import load_config
from mmvareid.datasets import DecodeImage, collate_images
from mmvareid.registry import MODELS

PACKED = ("person_id", "camera_id", "is_query", "viewpoint", "viewpoint_weights")

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


@pytest.fixture
def on_batch(market_root, tmp_path):
    """The shipped config on small data, tested by the same pipeline as it trains by."""
    options = [
        *(one for one in SMALL if ".pipeline." not in one),
        f"data_root={market_root}",
        "num_classes=3",
    ]
    cfg = load_config(str(ROOT / "configs/speed/on_batch.py"), parse_options(options))
    for loader in (cfg.train_dataloader, cfg.test_dataloader):
        pack = dict(type="mmvareid.PackImage", algorithm_keys=PACKED)
        loader.dataset.pipeline = [PIPELINE[0], PIPELINE[1], pack]
        loader.collate_fn = dict(type="mmvareid.collate_images")
    cfg.dump(tmp_path / "on_batch.py")
    return cfg


def test_tools_of_single_images_pack_them_plainly(on_batch, tmp_path, market_root):
    out = tmp_path / "fed.png"
    argv = ["tool", str(tmp_path / "on_batch.py"), "--number", "5", "--out", str(out)]
    with mock.patch.object(sys, "argv", argv):
        runpy.run_path(str(ROOT / "tools/visualization/browse_dataset.py"), run_name="__main__")
    assert cv2.imread(str(out)) is not None

    model = MODELS.build(on_batch.model)
    torch.save({"state_dict": model.state_dict()}, tmp_path / "a.pth")
    paths = list_images(market_root / "query")
    found = ReIDInferencer(on_batch, tmp_path / "a.pth")(paths)
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        batch = next(iter(Runner.build_dataloader(on_batch.test_dataloader)))
    usual = [sample.feature for sample in model.eval().test_step(batch)[: len(paths)]]
    np.testing.assert_allclose(found, torch.stack(usual).detach(), atol=1e-5)

    tool = runpy.run_path(str(ROOT / "tools/test.py"), run_name="tool")
    tool["add_mirror_image"](on_batch)
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        batch = next(iter(Runner.build_dataloader(on_batch.test_dataloader)))
    plain, mirrored = batch["inputs"][0], batch["inputs"][1]
    assert torch.equal(plain[0], mirrored[0].flip(-1)) and plain[0].shape == (3, 16, 8)


def test_training_images_keep_what_training_packs(on_batch):
    on_batch.test_dataloader.dataset.pipeline[-1].algorithm_keys = ("person_id",)
    pack = inference_dataloader(on_batch, "train")["dataset"]["pipeline"][-1]
    assert set(pack["algorithm_keys"]) == set(PACKED)


def test_images_of_two_sizes_are_refused():
    samples = [dict(inputs=np.zeros((n, 8, 3), np.uint8), data_samples=None) for n in (16, 15)]
    with pytest.raises(ValueError, match=r"of one size, but got \(15, 8, 3\) beside \(16, 8, 3\)"):
        collate_images(samples)


def test_a_dataset_without_bytes_is_told_what_to_use():
    with pytest.raises(KeyError, match="but got img_path; use LoadImageFromFile"):
        DecodeImage().transform(dict(img_path="1.jpg"))
