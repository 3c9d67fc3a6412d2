from pathlib import Path

import pytest
import torch
from small_run import ROOT

from mmvareid.apis.features import load_model
from mmvareid.config import load_config
from mmvareid.registry import MODELS

BASE = """
data_root = 'old'
viewpoint_file = 'auto'
train_dataloader = dict(dataset=dict(type='X', data_root=data_root, datasets=[
    dict(data_root=data_root), dict(data_root='other')]))
train_pipeline = []
"""


@pytest.fixture
def config(tmp_path):
    def write(text=BASE):
        path = tmp_path / "some_config.py"
        path.write_text(text)
        return str(path)

    return write


def test_an_option_reaches_every_key_of_its_name_with_the_old_value(config):
    cfg = load_config(config(), {"data_root": "new"})
    dataset = cfg.train_dataloader.dataset
    assert (cfg.data_root, dataset.data_root, dataset.datasets[0].data_root) == ("new",) * 3
    assert dataset.datasets[1].data_root == "other"


def test_a_nested_option_is_set_alone(config):
    cfg = load_config(config(), {"train_dataloader.dataset.data_root": "new"})
    assert cfg.data_root == "old"
    assert cfg.train_dataloader.dataset.data_root == "new"


def test_work_dir_is_named_after_the_config(config):
    assert load_config(config()).work_dir == "work_dirs/some_config"


def test_unknown_keys_are_told_with_what_was_meant(config):
    with pytest.raises(ValueError, match="unknown key 'dataroot'.*did you mean 'data_root'"):
        load_config(config(), {"dataroot": "x"})
    with pytest.raises(ValueError, match="unknown key 'zzz.a' in --cfg-options"):
        load_config(config(), {"zzz.a": 1})
    with pytest.raises(ValueError, match="unknown key 'optim_wraper'.*mean 'optim_wrapper'"):
        load_config(config(BASE + "optim_wraper = dict()"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("data_root = 'new'", "data_root is set at the top.*train_dataloader.dataset.data_root is"),
        ("train_pipeline = [dict(type='Y')]", "train_pipeline is set at the top.*keeps that"),
        ("data_rot = 'X'", "unknown key 'data_rot'.*mean 'data_root'"),
    ],
)
def test_values_at_the_top_of_a_file_that_reach_nothing_are_refused(config, text, message):
    own = Path(config()).with_name("own.py")
    own.write_text(f"_base_ = 'some_config.py'\n{text}\n")
    with pytest.raises(ValueError, match=message):
        load_config(str(own))


@pytest.mark.parametrize(
    "text",
    [
        "data_root = 'new'\ntrain_dataloader = dict(dataset=dict(data_root=data_root))",
        "data_root = 'old'",  # as in the base
        "train_pipelines = [1]\ntrain_dataloader = dict(dataset=dict(pipeline=train_pipelines))",
        "scale = 3",  # anything may be computed from it
    ],
)
def test_values_at_the_top_that_are_used_are_taken(config, text):
    own = Path(config()).with_name("own.py")
    own.write_text(f"_base_ = ['./some_config.py']\n{text}\n")
    load_config(str(own))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model.head.type": "mmvareid.VAHed"}, "model.head.type 'VAHed'.*mean 'VAHead'"),
        ({"model.head.type": "VAHead"}, "model.head.type.*written 'mmvareid.VAHead'"),
        ({"model.head.scle": 3}, "model.head has 'scle'.*VAHead.*mean 'scale'"),
    ],
)
def test_types_and_arguments_that_do_not_exist_are_told_with_their_place(options, message):
    with pytest.raises(ValueError, match=message):
        load_config("va_reid/va-reid_seresnext-small_synthetic", options)


def test_options_that_reach_nothing_are_refused(config):
    with pytest.raises(
        ValueError, match=r"nothing reads 'train_pipeline\.1\.scale'.*set the place"
    ):
        load_config(config(), {"train_pipeline.1.scale": 1})


def test_keys_that_the_runner_reads_may_be_added(config):
    assert load_config(config(), {"randomness.seed": 3}).randomness.seed == 3
    cfg = load_config(config(), {"runner_type": "FlexibleRunner", "strategy.type": "FSDPStrategy"})
    assert cfg.strategy == {"type": "FSDPStrategy"}


def test_a_missing_config_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.py does not exist"):
        load_config(str(tmp_path / "nothing.py"))


@pytest.mark.parametrize(
    "path",
    sorted((ROOT / "configs").glob("[crv]*/*.py")),
    ids=lambda p: f"{p.parent.name}/{p.stem}",
)
def test_every_config_loads_and_takes_a_data_root(path):
    cfg = load_config(str(path), {"data_root": "/elsewhere"})
    for split in ("train", "val", "test"):
        dataset = cfg[f"{split}_dataloader"].dataset
        assert dataset.get("dataset", dataset).data_root == "/elsewhere"


def test_a_preprocessor_beside_the_model_is_part_of_the_loaded_model(tmp_path):
    path = ROOT / "configs/va_reid/va-reid_resnet50_market1501.py"
    small = {"num_classes": 2, "model.backbone.depth": 18, "model.neck.in_channels": 512}
    cfg = load_config(str(path), {**small, "model.head.in_channels": 512})
    model = MODELS.build(cfg.model)
    torch.save({"state_dict": model.state_dict()}, tmp_path / "weights.pth")
    loaded = load_model(cfg, str(tmp_path / "weights.pth"))
    assert loaded.data_preprocessor.mean.flatten().tolist() == pytest.approx(
        [123.675, 116.28, 103.53]
    )
