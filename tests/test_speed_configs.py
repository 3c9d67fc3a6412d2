"""Every fragment of configs/speed takes a step; what needs a GPU says so."""

import argparse

import pytest
import torch
from mmengine.config import DictAction
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from small_run import ROOT, SMALL

from mmvareid.config import load_config
from mmvareid.datasets import make_synthetic
from mmvareid.registry import HOOKS, MODELS

CONFIGS = sorted((ROOT / "configs/speed").glob("*.py"))
SIZE = [option for option in SMALL if "pipeline.3" not in option and "epoch" not in option]


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    root = tmp_path_factory.mktemp("people") / "set"
    make_synthetic(root, num_ids=4, images_per_id=8, num_distractors=0, num_junk=0, seed=0)
    return root


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_step(people, path):
    crop = {"train_dataloader.dataset.pipeline.3.crop_size": (32, 16)}
    parser = argparse.ArgumentParser()
    parser.add_argument("--cfg-options", nargs="+", action=DictAction)
    options = parser.parse_args(["--cfg-options", *SIZE]).cfg_options
    on_batch = path.stem in ("on_batch", "all")
    options |= {"data_root": str(people), "num_classes": 2, **({} if on_batch else crop)}
    cfg = load_config(str(path), options)
    if cfg.optim_wrapper.type == "AmpOptimWrapper" and not torch.cuda.is_available():
        pytest.skip("mixed precision needs a GPU")
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        model = MODELS.build(cfg.model)
        wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
        batch = next(iter(Runner.build_dataloader(cfg.train_dataloader)))
        for hook in cfg.custom_hooks:
            HOOKS.build(hook)
    model.train()
    before = [p.detach().clone() for p in model.parameters()]
    wrapper.initialize_count_status(model, 0, 4)
    for _ in range(cfg.optim_wrapper.get("accumulative_counts", 1)):
        losses = model.train_step(batch, wrapper)
        assert losses["loss"].isfinite()
    moved = [not p.equal(old) for p, old in zip(model.parameters(), before, strict=True)]
    assert sum(moved) > 0.9 * len(moved)
