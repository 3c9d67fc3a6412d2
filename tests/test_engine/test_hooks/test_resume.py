"""A run with a stop in the middle is the run without it, bit for bit."""

import itertools
from types import SimpleNamespace
from unittest import mock

import pytest
import torch
from mmengine.registry import DefaultScope
from mmengine.runner import IterBasedTrainLoop, Runner
from small_run import SMALL, SYNTHETIC, parse_options
from torch.utils.data import DataLoader

from mmvareid.config import load_config
from mmvareid.datasets import Market1501, make_synthetic
from mmvareid.engine.hooks.epoch_seed_hook import EpochSeedHook
from mmvareid.evaluation import ReIDMetric


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    root = tmp_path_factory.mktemp("people") / "set"
    make_synthetic(root, num_ids=8, images_per_id=8, num_distractors=0, num_junk=0, seed=0)
    return root


def build(people, work_dir, epochs, workers=0, **options):
    """A small config that ends at an epoch of two."""
    small = parse_options(SMALL)
    small |= {
        "data_root": str(people),
        "num_classes": 4,
        "work_dir": str(work_dir),
        "train_dataloader.num_workers": workers,
        "train_dataloader.persistent_workers": workers > 0,
        "model.head.sample_ratio": 0.5,  # which is drawn too
    }
    cfg = load_config(str(SYNTHETIC), {**small, **options})
    erasing = dict(type="RandomErasing", erase_prob=0.5)
    cfg.train_dataloader.dataset.pipeline.insert(4, erasing)
    cfg.custom_hooks.append(dict(type="EMAHook", momentum=0.1))
    for schedule in cfg.param_scheduler:
        schedule.end = 2 if schedule.get("by_epoch", True) else schedule.get("end")
    cfg.train_cfg.max_epochs = epochs
    return cfg


def run(cfg):
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        Runner.from_cfg(cfg).train()


def train(people, work_dir, epochs, workers, **options):
    """Train up to an epoch of two, without validation; returns the checkpoint."""
    cfg = build(people, work_dir, epochs, workers, **options)
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    cfg.default_hooks.checkpoint.save_best = None
    run(cfg)
    return torch.load(work_dir / f"epoch_{epochs}.pth", weights_only=False)


def same(one, other):
    """Whether two checkpoints hold the same numbers."""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


@pytest.mark.usefixtures("on_cpu")
@pytest.mark.parametrize("workers", [0, 2])
def test_with_and_without_a_stop(people, tmp_path, workers):
    straight = train(people, tmp_path / "straight", 2, workers)
    train(people, tmp_path / "stopped", 1, workers)
    resume = {"resume": True, "load_from": str(tmp_path / "stopped/epoch_1.pth")}
    stopped = train(people, tmp_path / "stopped", 2, workers, **resume)
    for part in ("state_dict", "ema_state_dict", "optimizer", "param_schedulers"):
        assert same(straight[part], stopped[part]), part
    if workers == 0:
        other = train(people, tmp_path / "other", 2, workers, **{"randomness.seed": 1})
        assert not same(straight["state_dict"], other["state_dict"])


def test_passes_of_a_run_by_iterations_differ_though_each_has_new_workers(market_root):
    pipeline = [
        dict(type="LoadImageFromFile"),
        dict(type="RandomErasing", erase_prob=1.0, mode="rand"),
        dict(type="PackInputs"),
    ]
    dataset = Market1501(market_root, split="train", pipeline=pipeline)
    loader = DataLoader(dataset, batch_size=13, num_workers=1, collate_fn=list)
    loop = mock.Mock(spec=IterBasedTrainLoop)
    runner = SimpleNamespace(seed=0, epoch=0, train_loop=loop, train_dataloader=loader)

    def passes():
        EpochSeedHook().before_train_epoch(runner)
        return [torch.stack([one["inputs"] for one in next(iter(loader))]) for _ in range(2)]

    first, second = passes()
    assert not torch.equal(first, second)
    assert all(map(torch.equal, passes(), (first, second)))


def test_best_checkpoint_when_stopped_in_its_place(people, tmp_path, monkeypatch):
    """MMEngine removes the old best before it writes the new one."""
    counter = itertools.count()
    monkeypatch.setattr(ReIDMetric, "compute_metrics", lambda *_: {"mAP": float(next(counter))})
    with monkeypatch.context() as stopped, pytest.raises(InterruptedError):
        save = Runner.save_checkpoint

        def stop_at_best(runner, folder, filename, *args, **options):
            if filename == "best_reid_mAP_epoch_2.pth":
                raise InterruptedError
            save(runner, folder, filename, *args, **options)

        stopped.setattr(Runner, "save_checkpoint", stop_at_best)
        run(build(people, tmp_path, 2))
    assert not list(tmp_path.glob("best*"))

    resume = {"resume": True, "load_from": str(tmp_path / "epoch_2.pth")}
    run(build(people, tmp_path, 2, **resume))
    best = torch.load(tmp_path / "best_reid_mAP_epoch_2.pth", weights_only=False)
    last = torch.load(tmp_path / "epoch_2.pth", weights_only=False)
    assert same(best["state_dict"], last["state_dict"])
