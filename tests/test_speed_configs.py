"""Every fragment of configs/speed trains and validates by the Runner; what needs a GPU says so."""

import pytest
import torch
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from small_run import ROOT, SMALL, parse_options

from mmvareid.config import load_config
from mmvareid.datasets import make_synthetic

CONFIGS = sorted((ROOT / "configs/speed").glob("*.py"))
SIZE = [option for option in SMALL if "train_dataloader.dataset.pipeline.3" not in option]


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    root = tmp_path_factory.mktemp("people") / "set"
    make_synthetic(root, num_ids=4, images_per_id=8, num_distractors=0, num_junk=0, seed=0)
    return root


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_two_epochs(people, path, tmp_path):
    options = parse_options(SIZE)
    if path.stem not in ("on_batch", "all"):
        options["train_dataloader.dataset.pipeline.3.crop_size"] = (32, 16)
    options |= {"data_root": str(people), "num_classes": 2, "work_dir": str(tmp_path)}
    cfg = load_config(str(path), options)
    if cfg.optim_wrapper.type == "AmpOptimWrapper" and not torch.cuda.is_available():
        if path.stem != "all":
            pytest.skip("mixed precision needs a GPU")
        cfg.optim_wrapper = dict(type="OptimWrapper", optimizer=cfg.optim_wrapper.optimizer)
    if path.stem in ("compile", "all"):
        cfg.compile = dict(backend="eager")  # traced as ever, without a minute of C++
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        runner = Runner.from_cfg(cfg)
        before = [p.detach().clone() for p in runner.model.parameters()]
        runner.train()
    moved = [not p.equal(old) for p, old in zip(runner.model.parameters(), before, strict=True)]
    assert sum(moved) > 0.7 * len(moved)
    assert runner.message_hub.get_scalar("train/loss").current() > 0
    saved = torch.load(tmp_path / "epoch_2.pth", weights_only=False)
    assert ("ema_state_dict" in saved) == (path.stem == "ema")
