"""Runs the tools as a user does, on options that make any config small."""

import argparse
import json
import os
import runpy
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest
from mmengine.config import DictAction

ROOT = Path(__file__).parents[1]
CONFIGS = ROOT / "configs/va_reid"
MARKET = CONFIGS / "va-reid_seresnext101_market1501.py"
SYNTHETIC = CONFIGS / "va-reid_seresnext-small_synthetic.py"
ENV = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHON": sys.executable}

# The paper's config at 32x16, 2 x 4 images, two epochs, a backbone of 0.1 M parameters.
SMALL = [
    "model.backbone.depth=50",
    "model.backbone.stem_channels=8",
    "model.backbone.base_channels=8",
    "model.backbone.groups=2",
    "model.backbone.width_per_group=4",
    "model.neck.in_channels=256",
    "model.neck.out_channels=32",
    "model.head.in_channels=32",
    "train_dataloader.batch_size=8",
    "train_dataloader.sampler.num_identities=2",
    "train_dataloader.dataset.pipeline.1.scale=(16,32)",
    "train_dataloader.dataset.pipeline.3.crop_size=(32,16)",
    "train_dataloader.dataset.pipeline.3.padding=2",
    "val_dataloader.dataset.pipeline.1.scale=(16,32)",
    "test_dataloader.dataset.pipeline.1.scale=(16,32)",
    *(
        f"{split}_dataloader.{option}"
        for split in ("train", "val", "test")
        for option in ("num_workers=0", "persistent_workers=False")
    ),
    "train_cfg.max_epochs=2",
    "train_cfg.val_interval=1",
    "default_hooks.checkpoint.interval=1",
    "default_hooks.logger.interval=1",
]


def parse_options(options):
    """The dict that a tool makes of its --cfg-options."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cfg-options", nargs="+", action=DictAction)
    return parser.parse_args(["--cfg-options", *options]).cfg_options


def command(tool, *args, options=()):
    """The command of a tool; shell scripts are run by bash."""
    runner = ["bash"] if tool.endswith(".sh") else [sys.executable, "-W", "ignore"]
    return [
        *runner,
        str(ROOT / "tools" / tool),
        *map(str, args),
        *(["--cfg-options", *options] if options else []),
    ]


def run(tool, *args, options=(), env=None):
    """Run a tool to its end; returns its output, and fails the test if the tool fails."""
    # Two processes of one GPU break MMEngine's logger: many processes run on the CPU.
    hidden = {"CUDA_VISIBLE_DEVICES": ""} if tool.startswith(("dist_", "slurm_")) else {}
    done = subprocess.run(
        command(tool, *args, options=options),
        capture_output=True,
        text=True,
        timeout=300,
        env={**ENV, **hidden, **(env or {})},
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout + done.stderr


def error_of(tool, *args, options=()):
    """Run a tool of Python here, without the seconds a new process takes; returns its error."""
    argv = [str(tool), *map(str, args), *(["--cfg-options", *options] if options else [])]
    stop = pytest.raises((Exception, SystemExit))
    with mock.patch.object(sys, "argv", argv), stop as caught:
        runpy.run_path(str(ROOT / "tools" / tool), run_name="__main__")
    return caught.value


def scores(work_dir):
    """The metrics of each validation of a run, in order."""
    (path,) = sorted(Path(work_dir).glob("*/vis_data/scalars.json"))[-1:]
    rows = map(json.loads, path.read_text().splitlines())
    return [
        {key: value for key, value in row.items() if key.startswith("reid/")}
        for row in rows
        if "reid/mAP" in row
    ]
