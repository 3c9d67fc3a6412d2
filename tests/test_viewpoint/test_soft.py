import csv

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from mmengine.dataset import Compose
from small_run import ROOT

from mmvareid.config import load_config
from mmvareid.datasets import Market1501, make_synthetic
from mmvareid.registry import DATASETS, MODELS, TRANSFORMS
from mmvareid.viewpoint import write_viewpoints
from mmvareid.viewpoint.soft import load_soft_viewpoints, mirror_weights, yaw_weights

FLIP = dict(type="RandomFlip", prob=1.0, direction="horizontal")
MIRROR = dict(type="mmvareid.MirrorViewpoint")


def write(path, rows):
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, [*rows[0]])
        writer.writeheader()
        writer.writerows(rows)
    return path


@given(
    yaw=st.floats(-720, 720, allow_nan=False),
    views=st.integers(2, 12),
    all_round=st.booleans(),
)
def test_weights_of_any_yaw(yaw, views, all_round):
    (weights,) = yaw_weights(np.array([yaw]), views, all_round)
    assert weights.shape == (views,) and (weights >= 0).all()
    assert weights.sum() == pytest.approx(1, abs=1e-6)
    assert np.count_nonzero(weights) <= 2
    # The nearest view has the largest share, and the mirrored yaw the mirrored weights.
    steps = np.arange(views) * (360 / views if all_round else 180 / (views - 1))
    far = np.abs((yaw - steps + 180) % 360 - 180)
    if not all_round:
        far = np.minimum(far, np.abs((-yaw - steps + 180) % 360 - 180))
    assert far[weights.argmax()] == pytest.approx(far.min(), abs=1e-3)
    (other,) = yaw_weights(np.array([-yaw]), views, all_round)
    np.testing.assert_allclose(other, mirror_weights(weights) if all_round else weights, atol=1e-5)


def test_weights_by_hand():
    np.testing.assert_allclose(
        yaw_weights(np.array([0, 45, -90, 180, 157.5]), 3),
        [[1, 0, 0], [0.5, 0.5, 0], [0, 1, 0], [0, 0, 1], [0, 0.25, 0.75]],
    )
    around = yaw_weights(np.array([-22.5, 90, 337.5]), 8, all_round=True)
    np.testing.assert_allclose(around[0], [0.5, 0, 0, 0, 0, 0, 0, 0.5])
    np.testing.assert_allclose(around[1], np.eye(8)[2])
    np.testing.assert_allclose(around[2], around[0])


def test_names(tmp_path):
    names = ["front", "front_side", "side", "back_side", "back", "noise"]
    rows = [dict(filename=f"{n}.jpg", viewpoint=1, name=n) for n in names]
    for row, label in zip(rows, (0, 0, 1, 2, 2, 1), strict=True):
        row["viewpoint"] = label
    path = write(tmp_path / "v.csv", rows)
    found = np.array([*load_soft_viewpoints(path, "name").values()])
    np.testing.assert_allclose(
        found, [[1, 0, 0], [0.5, 0.5, 0], [0, 1, 0], [0, 0.5, 0.5], [0, 0, 1], [0, 1, 0]]
    )
    five = np.array([*load_soft_viewpoints(path, "name", num_views=5).values()])
    np.testing.assert_allclose(five, np.vstack([np.eye(5), np.eye(5)[2]]))
    unknown = write(tmp_path / "u.csv", [dict(filename="a.jpg", viewpoint=-1, name="")])
    assert load_soft_viewpoints(unknown, "name")["a.jpg"].tolist() == [0, 0, 0]


def test_confidence_and_yaw(tmp_path):
    rows = [
        dict(filename="a.jpg", viewpoint=0, front=0.7, side=0.2, back=0.1, yaw=90),
        dict(filename="x/b.jpg", viewpoint=-1, front=0, side=0, back=0, yaw=""),
    ]
    path = write(tmp_path / "v.csv", rows)
    found = load_soft_viewpoints(path, "confidence")
    np.testing.assert_allclose(found["a.jpg"], [0.7, 0.2, 0.1], rtol=1e-6)
    assert found["b.jpg"].sum() == 0
    found = load_soft_viewpoints(path, "yaw", 8, all_round=True)
    np.testing.assert_allclose(found["a.jpg"], np.eye(8)[2])
    assert found["b.jpg"].sum() == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(source="pose"), "source of soft viewpoints"),
        (dict(source="yaw", num_views=1), "num_views of soft viewpoints"),
        (dict(source="name", all_round=True), "all_round has to have the source 'yaw'"),
        (dict(source="yaw"), r"need the column 'yaw', but .*v\.csv' has filename, viewpoint"),
        (dict(source="confidence"), "need the column 'front'"),
        (dict(source="name"), r"need a fine name of every known image.* gives a\.jpg None"),
    ],
)
def test_what_does_not_fit(tmp_path, options, message):
    path = write(tmp_path / "v.csv", [dict(filename="a.jpg", viewpoint=0)])
    with pytest.raises(ValueError, match=message):
        load_soft_viewpoints(path, **options)


def test_an_unknown_image_may_have_any_name(tmp_path):
    rows = [dict(filename="a.jpg", viewpoint=-1, name="from above")]
    assert load_soft_viewpoints(write(tmp_path / "v.csv", rows), "name")["a.jpg"].sum() == 0


def test_the_confidence_of_a_view_is_not_lost(tmp_path):
    rows = [dict(filename="a.jpg", viewpoint=2, front=0, side=0, back=1)]
    with pytest.raises(ValueError, match=r"has 3, front, side, back, but got 2; set num_views=3"):
        load_soft_viewpoints(write(tmp_path / "v.csv", rows), "confidence", num_views=2)


@pytest.mark.parametrize("yaw", ["north", "nan", "inf"])
def test_no_number(tmp_path, yaw):
    path = write(tmp_path / "v.csv", [dict(filename="a.jpg", viewpoint=0, yaw=yaw)])
    with pytest.raises(ValueError, match=r"row 2 of .* finite numbers"):
        load_soft_viewpoints(path, "yaw")


def test_of_a_dataset(market_root, tmp_path):
    name = "0002_c1s1_000000_00.jpg"
    path = write(tmp_path / "v.csv", [dict(filename=name, viewpoint=0, yaw=45)])
    soft = dict(source="yaw")
    dataset = Market1501(market_root, viewpoint_file=path, soft_viewpoints=soft)
    np.testing.assert_allclose(dataset.get_data_info(0)["viewpoint_weights"], [0.5, 0.5, 0])
    assert dataset.get_data_info(1)["viewpoint_weights"].tolist() == [0, 0, 0]
    with pytest.raises(ValueError, match="soft_viewpoints has to be None in the test split"):
        Market1501(market_root, "test", soft_viewpoints=soft)
    with pytest.raises(ValueError, match="soft_viewpoints need a viewpoint_file"):
        Market1501(market_root, soft_viewpoints=soft)
    with pytest.raises(ValueError, match="label_noise has to be None with soft_viewpoints"):
        Market1501(market_root, soft_viewpoints=soft, label_noise=dict(share=0.1))


def test_noise_is_side_or_unknown(market_root, tmp_path):
    row = dict(filename="0002_c1s1_000000_00.jpg", viewpoint=1, name="noise", yaw=10)
    path = write(tmp_path / "v.csv", [row])
    for noise, expected in (("side", [0, 1, 0]), ("unknown", [0, 0, 0])):
        soft = dict(source="name")
        dataset = Market1501(market_root, viewpoint_file=path, noise=noise, soft_viewpoints=soft)
        assert dataset.get_data_info(0)["viewpoint_weights"].tolist() == expected
    soft = dict(source="yaw")
    dataset = Market1501(market_root, viewpoint_file=path, noise="unknown", soft_viewpoints=soft)
    assert dataset.get_data_info(0)["viewpoint_weights"].tolist() == [0, 0, 0]


@pytest.mark.parametrize("views", [2, 3, 5])
def test_our_own_files_are_read(tmp_path, views):
    probabilities = np.random.default_rng(0).dirichlet(np.ones(views), 4)
    names = [f"{i}.jpg" for i in range(4)]
    write_viewpoints(tmp_path / "v.csv", names, probabilities.argmax(axis=1), probabilities)
    found = load_soft_viewpoints(tmp_path / "v.csv", "confidence", views)
    np.testing.assert_allclose([*found.values()], probabilities, atol=1e-3)


def test_flipped_images_of_all_round_viewpoints(market_root, tmp_path):
    name = "0002_c1s1_000000_00.jpg"
    path = write(tmp_path / "v.csv", [dict(filename=name, viewpoint=1, yaw=90)])
    options = dict(
        viewpoint_file=path, soft_viewpoints=dict(source="yaw", num_views=8, all_round=True)
    )
    nested = dict(type="RandomApply", transforms=[FLIP], prob=0.5)
    for bad in ([MIRROR, FLIP], [FLIP, MIRROR, MIRROR], [FLIP, FLIP, MIRROR], [nested], [FLIP]):
        with pytest.raises(ValueError, match="MirrorViewpoint.* behind each RandomFlip"):
            Market1501(market_root, pipeline=bad, **options)
    load = dict(type="LoadImageFromFile")
    dataset = Market1501(market_root, pipeline=[load, FLIP, MIRROR], **options)
    np.testing.assert_allclose(dataset[0]["viewpoint_weights"], np.eye(8)[6])
    unflipped = Compose([TRANSFORMS.build(step) for step in ({**FLIP, "prob": 0.0}, MIRROR)])
    sample = dict(img=np.zeros((2, 2, 3)), viewpoint_weights=np.eye(8)[2])
    np.testing.assert_allclose(unflipped(sample)["viewpoint_weights"], np.eye(8)[2])


@pytest.mark.parametrize(("stem", "views"), [("soft", 3), ("soft5", 5), ("soft8", 8)])
def test_the_configs_bring_weights_to_the_loss(tmp_path, stem, views):
    root = tmp_path / "set"
    make_synthetic(root, num_ids=4, images_per_id=6, num_distractors=0, num_junk=0, seed=0)
    path = ROOT / f"configs/va_reid/va-reid-{stem}_seresnext-small_synthetic.py"
    cfg = load_config(str(path), {"data_root": str(root)})
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    samples = [dataset[i]["data_samples"] for i in range(12)]
    weights = np.array([sample.viewpoint_weights for sample in samples])
    assert weights.shape == (12, views)
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-6)
    assert ((weights > 0) & (weights < 1)).any()
    head = MODELS.build({**cfg.model.head, "num_classes": 2, "in_channels": 8})
    losses = head.loss((torch.rand(12, 8),), samples)
    assert losses["loss_view"] > 0
