"""mmpretrain's transformers under our head train and validate by their own configs, made small."""

import re

import pytest
import torch
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from small_run import CONFIGS, SMALL, parse_options

from mmvareid.config import load_config
from mmvareid.datasets import make_synthetic

CHANNELS = dict(embed_dims=64, num_layers=2, num_heads=1, feedforward_channels=64)
BACKBONES = {
    "swin-tiny": dict(arch=dict(embed_dims=8, depths=[1, 2, 1, 1], num_heads=[1, 1, 2, 2])),
    "vit-base": dict(arch=CHANNELS),
    "convnext-tiny": dict(arch=dict(depths=[1, 1, 1, 1], channels=[8, 16, 32, 64])),
}
LARGER = {"(16,32)": "(32,64)", "(32,16)": "(64,32)"}  # ConvNeXt halves five times without padding
SIZE = [
    re.sub(r"\(\d+,\d+\)", lambda m: LARGER[m[0]], option)
    for option in SMALL
    if not option.startswith("model.")
]


@pytest.mark.parametrize("name", BACKBONES)
def test_two_epochs(name, tmp_path):
    make_synthetic(tmp_path / "set", num_ids=4, images_per_id=8, num_distractors=0, num_junk=0)
    options = parse_options(SIZE) | {
        "data_root": str(tmp_path / "set"),
        "work_dir": str(tmp_path / "out"),
        "num_classes": 2,
        "model.neck.in_channels": 64,
        "model.head.in_channels": 64,
    }
    cfg = load_config(str(CONFIGS / f"va-reid_{name}_market1501.py"), options)
    cfg.model.backbone.update(BACKBONES[name])
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        runner = Runner.from_cfg(cfg)
        before = [p.detach().clone() for p in runner.model.parameters()]
        runner.train()
    moved = [not p.equal(old) for p, old in zip(runner.model.parameters(), before, strict=True)]
    assert sum(moved) > 0.9 * len(moved)
    assert runner.model.data_preprocessor.batch_augments is None
    loss = runner.message_hub.get_scalar("train/loss").current()
    assert torch.isfinite(torch.tensor(loss))
