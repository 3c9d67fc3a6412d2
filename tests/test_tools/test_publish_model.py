"""A published file has the weights, reads safely, and carries its hash."""

import hashlib
import os
import runpy
import sys
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest
import torch
from mmengine.hooks import EMAHook
from mmengine.logging.history_buffer import HistoryBuffer
from small_run import ROOT, SMALL, SYNTHETIC, parse_options
from torch import nn

import mmvareid
from mmvareid.apis import extract_features, load_model
from mmvareid.config import load_config
from mmvareid.registry import MODELS

TOOL = "misc/publish_model.py"


def publish(*args):
    """Run the tool in this process."""
    with mock.patch.object(sys, "argv", [TOOL, *map(str, args)]):
        runpy.run_path(str(ROOT / "tools" / TOOL), run_name="__main__")


@pytest.fixture
def refused(capsys):
    """The function that runs the tool and returns what it says when it ends with status 2."""

    def run(*args):
        with pytest.raises(SystemExit, match="2"):
            publish(*args)
        return capsys.readouterr().err

    return run


def checkpoint_of(model):
    """A checkpoint as MMEngine writes it after a step."""
    optimizer = torch.optim.Adam(model.parameters())
    sum(weight.sum() for weight in model.parameters()).backward()
    optimizer.step()
    meta = dict(cfg="num_classes = 128\n", epoch=3, iter=12, seed=0, hook_msgs={"best": None})
    meta["dataset_meta"] = dict(dataset_name="SyntheticPeople", classes=("1", "3"))
    meta["experiment_name"] = np.float64(1)  # nothing that a file to give away may hold
    return dict(
        meta=meta,
        state_dict=model.state_dict(),
        optimizer=optimizer.state_dict(),
        message_hub={"loss": HistoryBuffer([1.0], [1])},
        param_schedulers=[dict(last_step=3)],
    )


def test_a_published_file_is_smaller_gives_equal_features_and_has_its_hash(market_root, tmp_path):
    cfg = load_config(str(SYNTHETIC), parse_options([*SMALL, f"data_root={market_root}"]))
    torch.manual_seed(0)
    source = tmp_path / "epoch_3.pth"
    torch.save(checkpoint_of(MODELS.build(cfg.model)), source)
    folder = tmp_path / "published"
    folder.mkdir()
    publish(source, folder / "small.pth")
    (path,) = folder.iterdir()
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert path.name == f"small-{digest[:8]}.pth"
    assert path.stat().st_size < source.stat().st_size / 2

    content = torch.load(path, weights_only=True)
    assert content.keys() == {"state_dict", "meta"}
    assert content["meta"] == dict(
        cfg="num_classes = 128\n",
        epoch=3,
        iter=12,
        dataset_meta=dict(dataset_name="SyntheticPeople", classes=("1", "3")),
        mmvareid_version=mmvareid.__version__,
    )
    before, after = (
        extract_features(load_model(cfg, str(file), "cpu"), cfg.test_dataloader).features
        for file in (source, path)
    )
    assert np.array_equal(before, after)

    publish(source, folder / "small")  # the same again: the same name
    assert [*folder.iterdir()] == [path]


def test_of_a_view_only_its_own_numbers_are_published(tmp_path):
    whole = torch.arange(100_000.0)
    torch.save({"state_dict": {"weight": whole[:3]}}, tmp_path / "view.pth")
    publish(tmp_path / "view.pth", tmp_path / "out.pth")
    (path,) = tmp_path.glob("out-*.pth")
    assert path.stat().st_size < 5000
    assert torch.load(path, weights_only=True)["state_dict"]["weight"].tolist() == [0, 1, 2]


def test_of_a_run_with_ema_the_average_is_published(tmp_path, capsys):
    model = nn.Linear(2, 1)
    hook, runner = EMAHook(momentum=0.5), SimpleNamespace(model=model, iter=0, epoch=0)
    hook.before_run(runner)
    for value in (1.0, 3.0):
        nn.init.constant_(model.weight, value)
        hook.after_train_iter(runner, 0)
    content = dict(meta={}, state_dict=model.state_dict())
    hook.before_save_checkpoint(runner, content)
    torch.save(content, tmp_path / "epoch_1.pth")
    publish(tmp_path / "epoch_1.pth", tmp_path / "ema")
    assert "the weights are the moving average" in capsys.readouterr().out
    (path,) = tmp_path.glob("ema-*.pth")
    published = torch.load(path, weights_only=True)
    assert published.keys() == {"state_dict", "meta"}
    assert published["state_dict"]["weight"].tolist() == [[2.0, 2.0]]  # and not 3, the last


class Hostile:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


def test_a_checkpoint_that_would_run_code_is_refused(refused, tmp_path):
    marker, source = tmp_path / "ran", tmp_path / "hostile.pth"
    torch.save({"state_dict": nn.Linear(2, 1).state_dict(), "meta": Hostile(marker)}, source)
    assert "hostile.pth holds objects that could run code" in refused(source, tmp_path / "out.pth")
    assert [*tmp_path.iterdir()] == [source]


def test_what_cannot_be_published_is_said(refused, tmp_path):
    source = tmp_path / "cut.pth"
    torch.save({"state_dict": nn.Linear(100, 100).state_dict()}, source)
    assert f"the folder {tmp_path / 'no'} does not exist" in refused(source, tmp_path / "no/a.pth")
    source.write_bytes(source.read_bytes()[:2000])
    assert "cut.pth cannot be read; is it whole?" in refused(source, tmp_path / "out.pth")
    for content in ({"state_dict": {"w": 1}}, {"state_dict": {}}, [torch.ones(1)]):
        torch.save(content, source)
        assert "has to hold weights by name" in refused(source, tmp_path / "out.pth")
    assert "none.pth does not exist" in refused(tmp_path / "none.pth", tmp_path / "out.pth")
    assert [*tmp_path.iterdir()] == [source]


def test_a_full_disk_leaves_nothing(refused, tmp_path):
    source = tmp_path / "good.pth"
    torch.save({"state_dict": nn.Linear(2, 1).state_dict()}, source)
    with mock.patch("os.replace", side_effect=OSError("no space left")):
        assert "no space left" in refused(source, tmp_path / "out.pth")
    assert [*tmp_path.iterdir()] == [source]
