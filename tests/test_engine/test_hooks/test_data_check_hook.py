import builtins
import shutil
from types import SimpleNamespace
from unittest import mock

import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import ConcatDataset
from mmpretrain.models import ClsDataPreprocessor
from torch.utils.data import DataLoader

from mmvareid.datasets import ConcatReIDDataset, IdentitySampler, Market1501
from mmvareid.engine.hooks import data_check_hook
from mmvareid.engine.hooks.data_check_hook import (
    DataCheckHook,
    check_batches,
    check_files,
    check_flips,
    check_joined,
    check_labels,
    check_mixing,
    check_queries,
    check_range,
    check_weights,
)
from mmvareid.models import BatchAugmentPreprocessor
from mmvareid.registry import MODELS


def infos(key, *values):
    return [{"img_path": f"{i}.jpg", key: value} for i, value in enumerate(values)]


def people(*rows):
    keys = ("person_id", "camera_id", "is_query")
    return [{"img_path": f"{row}", **dict(zip(keys, row, strict=True))} for row in rows]


def test_labels_within_the_head_pass():
    check_range(infos("gt_label", 0, 2, 1), "gt_label", 3, "identities", "num_classes")
    check_range(infos("viewpoint", -1, -1), "viewpoint", 3, "viewpoints", "model.head.num_views")
    check_range(infos("gt_label", 9), "gt_label", None, "identities", "num_classes")


def test_a_label_beyond_the_head_names_the_image_and_what_to_set():
    message = r"has 5 identities, .* room for 3 \(1.jpg has gt_label 4\); set num_classes=5"
    with pytest.raises(ValueError, match=message):
        check_range(infos("gt_label", 0, 4), "gt_label", 3, "identities", "num_classes")
    with pytest.raises(ValueError, match=r"set model\.head\.num_views=8"):
        check_range(infos("viewpoint", 7), "viewpoint", 3, "viewpoints", "model.head.num_views")


def test_soft_viewpoints_are_checked_by_their_number_and_not_by_the_coarse_label():
    two = [{"img_path": "a.jpg", "viewpoint": 2, "viewpoint_weights": [0.5, 0.5]}]
    check_weights(two, 2, "model.head.num_views")
    check_weights(infos("viewpoint", 2), 2, "model.head.num_views")
    with pytest.raises(ValueError, match="of the 3 views of the head, but the training data has 2"):
        check_weights(two, 3, "model.head.num_views")
    head = SimpleNamespace(num_classes=1, num_views=2, loss_view=1)
    dataset = SimpleNamespace()
    runner = SimpleNamespace(
        model=SimpleNamespace(head=head, data_preprocessor=None),
        train_dataloader=SimpleNamespace(dataset=dataset, sampler=None),
        val_loop=None,
        cfg={},
    )
    rows = [{**row, "gt_label": 0} for row in two]
    with (
        mock.patch.object(data_check_hook, "dataset_infos", lambda _: rows),
        mock.patch.object(data_check_hook, "check_compile"),
    ):
        data_check_hook.DataCheckHook().before_train(runner)


def test_batch_size_has_to_fit_the_sampler():
    sampler = IdentitySampler.__new__(IdentitySampler)
    sampler.num_identities, sampler.num_instances = 2, 4
    check_batches(SimpleNamespace(sampler=sampler, batch_size=8))
    check_batches(SimpleNamespace(sampler=None, batch_size=5))
    with pytest.raises(ValueError, match="batch_size has to be .* 2 x 4 = 8 .*, but got 6"):
        check_batches(SimpleNamespace(sampler=sampler, batch_size=6))


def test_a_flip_of_the_batch_leaves_all_round_viewpoints_as_they_are():
    flip = dict(type="mmvareid.BatchRandomFlip")
    preprocessor = BatchAugmentPreprocessor(
        [dict(type="mmvareid.BatchRandomCrop", padding=1), flip]
    )
    views = [None, dict(source="yaw"), dict(source="yaw", num_views=8, all_round=True)]
    loaders = [SimpleNamespace(dataset=SimpleNamespace(soft_viewpoints=view)) for view in views]
    for loader in loaders[:2]:
        check_flips(loader, preprocessor)
    check_flips(loaders[2], torch.nn.Identity())
    with pytest.raises(ValueError, match="has a BatchRandomFlip; move it"):
        check_flips(loaders[2], preprocessor)


def test_a_query_needs_its_person_in_another_camera():
    check_queries(people((1, 1, True), (1, 2, False)))
    single_camera = people((1, 1, True), (1, 1, False), (2, 1, True))
    with pytest.raises(ValueError, match="none of 2 has; is there a single camera"):
        check_queries(single_camera)


def test_queries_without_match_are_counted(monkeypatch):
    lines = []
    monkeypatch.setattr(data_check_hook, "print_log", lambda line, **_: lines.append(line))
    check_queries(people((1, 1, True), (2, 1, True), (1, 2, False)))
    assert lines[0].startswith("1 of 2 queries have no match")


def test_a_negative_label_is_named():
    with pytest.raises(ValueError, match=r"gt_label has to be at least 0, but 1\.jpg has -3"):
        check_range(infos("gt_label", 0, -3), "gt_label", 3, "identities", "num_classes")
    with pytest.raises(ValueError, match=r"viewpoint has to be at least -1, but 0\.jpg has -2"):
        check_range(infos("viewpoint", -2), "viewpoint", 3, "viewpoints", "model.head.num_views")


def test_missing_and_empty_test_images_are_counted_and_named_and_none_is_read(market_root):
    paths = sorted((market_root / "query").iterdir())
    infos = [{"img_path": str(path)} for path in paths]
    with mock.patch.object(builtins, "open", side_effect=AssertionError):
        check_files(infos)
    paths[1].write_bytes(b"")
    paths[2].unlink()
    message = f"but 2 of 4 are missing or empty: {paths[1]}, {paths[2]}"
    with pytest.raises(ValueError, match=message):
        check_files(infos)


def test_a_last_batch_of_one_image_is_refused_where_batch_norm_is():
    model = torch.nn.Sequential(torch.nn.BatchNorm1d(3))
    for images, size, keys, message in (
        (9, 4, {}, "the last of 9 images in batches of 4 is alone; set .*drop_last=True"),
        (9, 1, {}, "batch_size is 1; raise it"),
    ):
        with pytest.raises(ValueError, match=message):
            check_batches(DataLoader(range(images), size, **keys), model)
    check_batches(DataLoader(range(9), 4, drop_last=True), model)
    check_batches(DataLoader(range(10), 4), model)
    check_batches(DataLoader(range(9), 4), torch.nn.Linear(3, 3))


def test_mixed_images_are_refused_with_a_head_of_ours():
    mixing = ClsDataPreprocessor(batch_augments=dict(augments=[dict(type="Mixup", alpha=0.8)]))
    ours = MODELS.build(dict(type="mmvareid.ReIDHead", in_channels=4, num_classes=3))
    with pytest.raises(ValueError, match="mixes them; set model.train_cfg=None"):
        check_mixing(ours, mixing)
    check_mixing(ours, ClsDataPreprocessor())
    check_mixing(torch.nn.Linear(2, 2), mixing)


def test_sets_that_number_their_people_alike_are_not_concatenated(market_root, tmp_path):
    shutil.copytree(market_root, tmp_path / "other")
    parts = [Market1501(root) for root in (market_root, tmp_path / "other")]
    with pytest.raises(ValueError, match="take type='mmvareid.ConcatReIDDataset'"):
        check_joined(ConcatDataset(parts))
    check_joined(ConcatDataset([parts[0], Market1501(market_root)]))
    check_joined(ConcatReIDDataset(parts))


def test_a_loader_of_another_tool_is_left_alone():
    DataCheckHook().before_train(SimpleNamespace(train_dataloader=[1, 2, 3]))


def test_the_key_that_is_advised_is_one_of_the_config():
    head = MODELS.build(dict(type="mmvareid.ReIDHead", in_channels=4, num_classes=2))
    for cfg, option in (({}, "model.head.num_classes"), ({"num_classes": 2}, "num_classes")):
        with pytest.raises(ValueError, match=f"; set {option}=6$"):
            check_labels([{"gt_label": 5}], head, Config(cfg))


def test_processes_that_do_not_know_of_each_other_are_refused(monkeypatch):
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ValueError, match="set launcher='pytorch' in the config"):
        DataCheckHook().before_run(SimpleNamespace(cfg=Config({}), distributed=False))
    DataCheckHook().before_run(SimpleNamespace(cfg=Config({}), distributed=True))
    DataCheckHook().before_run(SimpleNamespace(cfg=Config({"launcher": "none"}), distributed=False))
