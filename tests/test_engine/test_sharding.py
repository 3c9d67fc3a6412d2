"""FSDP: each process holds a part of the weights, and everything else is as without it."""

import json
import os
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from small_run import SMALL, SYNTHETIC, parse_options

from mmvareid.apis import ReIDInferencer
from mmvareid.config import load_config
from mmvareid.datasets import make_synthetic
from mmvareid.engine import FSDPStrategy
from mmvareid.engine.hooks.center_angle_hook import CenterAngleHook
from mmvareid.engine.processes import prepare_cpu_distributed
from mmvareid.engine.run_config import build_runner, check_run
from mmvareid.engine.sharding import whole_weights
from mmvareid.registry import MODELS, STRATEGIES

STEPS = 20


def small_config(folder, name):
    options = parse_options([*SMALL, f"data_root={folder}/set", "num_classes=4"])
    cfg = load_config(str(SYNTHETIC), options)
    cfg.launcher, cfg.work_dir = "pytorch", f"{folder}/{name}"
    cfg.load_from = f"{folder}/start.pth"
    cfg.train_cfg.update(max_epochs=STEPS // 2, val_interval=STEPS)
    cfg.train_dataloader.sampler.update(num_identities=2, num_instances=4, seed=0)
    # It does not change FSDP's layout, and small untrained networks multiply its rounding.
    cfg.custom_hooks = [h for h in cfg.custom_hooks if h.type != "mmvareid.ChannelsLastHook"]
    # Adam's first steps are of one length however small a gradient is, be it of rounding alone.
    cfg.optim_wrapper.optimizer = dict(type="SGD", lr=0.01, momentum=0.9)
    cfg.default_hooks.checkpoint.interval = STEPS // 2
    if name == "fsdp":
        cfg.runner_type, cfg.strategy = "FlexibleRunner", dict(type="FSDPStrategy")
    return cfg


def train_one(rank, folder, name):
    """Train one of two processes by DDP or FSDP."""
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE="2")
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/{name}-group", rank=rank, world_size=2
    )
    cfg = small_config(folder, name)
    check_run(cfg)
    prepare_cpu_distributed(cfg)
    runner = build_runner(cfg)
    runner.train()
    sizes = {weight.numel() for weight in runner.model.parameters()}
    assert (0 in sizes) is (name == "fsdp")  # weights that the other process holds
    if name == "fsdp":
        with whole_weights(runner.model):
            assert all(weight.numel() for weight in runner.model.parameters())
    torch.distributed.destroy_process_group()


def scalars(folder):
    (path,) = folder.glob("*/vis_data/scalars.json")
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_twenty_steps_of_two_processes_are_those_of_ddp(tmp_path):
    make_synthetic(
        tmp_path / "set", num_ids=8, images_per_id=8, num_distractors=0, num_junk=0, seed=0
    )
    torch.manual_seed(0)
    model = MODELS.build(small_config(tmp_path, "ddp").model)
    torch.save({"state_dict": model.state_dict()}, tmp_path / "start.pth")
    for name in ("ddp", "fsdp"):
        torch.multiprocessing.spawn(train_one, (str(tmp_path), name), nprocs=2)
    ddp, fsdp = (scalars(tmp_path / name) for name in ("ddp", "fsdp"))
    losses = [[row["loss"] for row in rows if "loss" in row] for rows in (ddp, fsdp)]
    assert len(losses[0]) == len(losses[1]) == STEPS and losses[0][0] != losses[0][-1]
    np.testing.assert_allclose(losses[1], losses[0], rtol=0, atol=1e-4)
    for key in ("reid/mAP", "angle/identity_view"):
        found = [[row[key] for row in rows if key in row][-1] for rows in (ddp, fsdp)]
        assert found[0] == pytest.approx(found[1], abs=0.5 if key == "reid/mAP" else 1e-2)
    # A whole checkpoint, under the names of a run without FSDP.
    cfg = load_config(str(SYNTHETIC), parse_options([*SMALL, "num_classes=4"]))
    described = [
        ReIDInferencer(cfg, tmp_path / name / f"epoch_{STEPS // 2}.pth", "cpu", progress=False)(
            tmp_path / "set/query"
        )
        for name in ("ddp", "fsdp")
    ]
    np.testing.assert_allclose(described[1], described[0], atol=1e-2)
    meta = torch.load(tmp_path / "fsdp" / f"epoch_{STEPS // 2}.pth", weights_only=False)["meta"]
    assert (meta["epoch"], meta["iter"]) == (STEPS // 2, STEPS)


def test_checkpoints_are_whole():
    with pytest.raises(ValueError, match="state_dict_cfg has to be 'full', .*but got 'local'"):
        FSDPStrategy(state_dict_cfg="local")
    made = STRATEGIES.build(dict(type="mmvareid.FSDPStrategy"))
    assert made._is_full_state_dict()
    if not torch.cuda.is_available():
        assert made.model_wrapper["device_id"] == "cpu"


def test_angles_of_a_run_by_iterations_speak_of_iterations(monkeypatch):
    from mmengine.runner import IterBasedTrainLoop

    lines, rows = [], []
    head = MODELS.build(dict(type="mmvareid.VAHead", in_channels=4, num_classes=3))
    runner = SimpleNamespace(
        model=head, epoch=0, iter=70, train_loop=IterBasedTrainLoop.__new__(IterBasedTrainLoop),
        logger=SimpleNamespace(info=lines.append),
        visualizer=SimpleNamespace(add_scalars=lambda row, step: rows.append(row)),
    )  # fmt: skip
    CenterAngleHook().after_train_epoch(runner)
    assert lines[0].startswith("Angles of centres after iter 70,") and rows[0]["iter"] == 70
    assert "epoch" not in rows[0]
