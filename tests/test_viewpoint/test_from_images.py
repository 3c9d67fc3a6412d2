"""A classifier of viewpoints, trained and used as a user does."""

import csv
import runpy
import sys
from unittest import mock

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from small_run import ROOT, SYNTHETIC, run
from untrained_model import write_checkpoint

from mmvareid.datasets import load_viewpoints, make_synthetic
from mmvareid.registry import MODELS
from mmvareid.viewpoint import from_images
from mmvareid.viewpoint.soft import load_soft_viewpoints

CONFIG = ROOT / "configs/viewpoint/seresnext-small_synthetic.py"
TOOL = "dataset_converters/viewpoints_from_images.py"
SMALL = [
    "model.backbone.stem_channels=8",
    "model.backbone.base_channels=8",
    "model.backbone.groups=2",
    "model.backbone.width_per_group=4",
    "model.head.in_channels=256",
    *(f"{split}_dataloader.num_workers=0" for split in ("train", "val")),
    *(f"{split}_dataloader.persistent_workers=False" for split in ("train", "val")),
    "train_dataloader.dataset.num_images=12",
    "train_dataloader.batch_size=6",
    "train_cfg.max_epochs=1",
    "param_scheduler.1.begin=0",
    "train_cfg.val_interval=1",
    "default_hooks.checkpoint.interval=1",
]


def test_train_a_classifier_and_label_a_folder(tmp_path):
    root, out = tmp_path / "set", tmp_path / "viewpoints.csv"
    make_synthetic(root, num_ids=8, images_per_id=8, num_distractors=0, num_junk=0, seed=0)
    options = [*SMALL, f"data_root={root}"]
    run("train.py", CONFIG, "--work-dir", tmp_path / "run", options=options)
    images = sorted((root / "bounding_box_train").iterdir())
    images[0].write_bytes(images[0].read_bytes()[:400])
    checkpoint = tmp_path / "run/epoch_1.pth"
    printed = run(TOOL, CONFIG, checkpoint, root / "bounding_box_train", out, options=options)
    assert "32 images: " in printed and "unknown: 1 unreadable" in printed
    found = load_viewpoints(out)
    assert set(found) == {path.name for path in images}
    assert [name for name, view in found.items() if view == -1] == [images[0].name]
    for row in csv.DictReader(out.open()):
        shares = [float(row[view]) for view in ("front", "side", "back")]
        if row["viewpoint"] != "-1":
            assert sum(shares) == pytest.approx(1, abs=3e-4)
            assert float(row["confidence"]) == max(shares) == shares[int(row["viewpoint"])]
    weights = load_soft_viewpoints(out, "confidence")
    assert {round(float(w.sum()), 3) for w in weights.values()} == {0.0, 1.0}


def test_a_folder_without_images_is_refused(tmp_path, capsys):
    argv = ["tool", str(CONFIG), "no.pth", str(tmp_path), str(tmp_path / "out.csv")]
    with mock.patch.object(sys, "argv", argv), pytest.raises(SystemExit):
        runpy.run_path(str(ROOT / "tools" / TOOL), run_name="__main__")
    error = capsys.readouterr().err
    assert f"the folder {tmp_path} has to hold images" in error and "has none" in error


def refusal_of(tmp_path, capsys, config, checkpoint, options=()):
    """What the tool says of images in some folder before it looks at one."""
    argv = ["tool", config, checkpoint, tmp_path, tmp_path / "out/a.csv", "--cfg-options", *options]
    argv = [str(part) for part in (argv if options else argv[:-1])]
    with mock.patch.object(sys, "argv", argv), pytest.raises(SystemExit):
        runpy.run_path(str(ROOT / "tools" / TOOL), run_name="__main__")
    return capsys.readouterr().err


def test_names_that_stand_twice_and_configs_of_people_are_refused_before_the_work(
    tmp_path, capsys, draw_images
):
    draw_images(tmp_path / "one", ["a.jpg"])
    options = write_checkpoint(tmp_path / "reid.pth")
    error = refusal_of(tmp_path, capsys, SYNTHETIC, tmp_path / "reid.pth", options)
    assert "has to be of a classifier of viewpoints" in error and "has a VAHead" in error
    draw_images(tmp_path / "two", ["a.jpg"])
    assert "but got a.jpg 2 times" in refusal_of(tmp_path, capsys, CONFIG, "none.pth")


def test_an_image_and_its_mirror_image_get_the_same(tmp_path):
    cfg = Config.fromfile(CONFIG)
    cfg.model.backbone.update(stem_channels=8, base_channels=8, groups=2, width_per_group=4)
    cfg.model.head.in_channels = 256
    torch.manual_seed(0)
    model = MODELS.build(cfg.model).eval()
    image = np.random.default_rng(0).integers(0, 255, (128, 64, 3), np.uint8)
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    for path, pixels in zip(paths, (image, image[:, ::-1]), strict=True):
        assert cv2.imwrite(str(path), pixels)
    found = from_images(model, paths, cfg.test_dataloader.dataset.pipeline, num_workers=0)
    np.testing.assert_allclose(found[0], found[1], atol=1e-6)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)
    one_way = model(
        model.data_preprocessor(dict(inputs=[torch.from_numpy(image.copy()).permute(2, 0, 1)]))[
            "inputs"
        ],
        mode="tensor",
    ).softmax(dim=-1)
    assert np.abs(one_way.detach().numpy() - found[0]).max() > 1e-6
