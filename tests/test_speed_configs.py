"""Every fragment of configs/speed trains and validates by the Runner; what needs a GPU says so."""

import cpu_amp  # noqa: F401  registers its wrapper
import pytest
import torch
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from small_run import ROOT, SMALL, parse_options

from mmvareid.config import load_config
from mmvareid.synthetic import make_synthetic

CONFIGS = sorted((ROOT / "configs/speed").glob("*.py"))
SIZE = [option for option in SMALL if "train_dataloader.dataset.pipeline.3" not in option]


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    root = tmp_path_factory.mktemp("people") / "set"
    make_synthetic(root, num_ids=4, images_per_id=8, num_distractors=0, num_junk=0, seed=0)
    return root


def build(people, name, work_dir, epochs=2, **options):
    """A config of the folder, small, for what this machine has."""
    small = parse_options(SIZE)
    if name not in ("on_batch", "all"):
        small["train_dataloader.dataset.pipeline.3.crop_size"] = (32, 16)
    small |= {"data_root": str(people), "num_classes": 2, "work_dir": str(work_dir)}
    small |= {"train_cfg.max_epochs": epochs, **options}
    cfg = load_config(str(ROOT / f"configs/speed/{name}.py"), small)
    if cfg.optim_wrapper.type == "AmpOptimWrapper" and not torch.cuda.is_available():
        optimizer = cfg.optim_wrapper.optimizer
        cfg.optim_wrapper = dict(type="mmvareid.CpuAmpOptimWrapper", optimizer=optimizer)
    for hook in cfg.custom_hooks:
        if hook.type == "mmvareid.CompileBlocksHook":
            hook.backend = "eager"  # traced as ever, without a minute of C++
    return cfg


def run(cfg):
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        runner = Runner.from_cfg(cfg)
        before = [p.detach().clone() for p in runner.model.parameters()]
        runner.train()
    moved = [not p.equal(old) for p, old in zip(runner.model.parameters(), before, strict=True)]
    assert sum(moved) > 0.7 * len(moved)
    assert 0 < runner.message_hub.get_scalar("train/loss").current() < float("inf")
    return runner


@pytest.mark.parametrize("name", [path.stem for path in CONFIGS])
def test_two_epochs(people, name, tmp_path):
    if name == "fp16" and not torch.cuda.is_available():
        pytest.skip("float16 needs a GPU")
    run(build(people, name, tmp_path))
    saved = torch.load(tmp_path / "epoch_2.pth", weights_only=False)
    assert ("ema_state_dict" in saved) == (name == "ema")


def test_a_compiled_run_resumes_one_that_was_not_and_the_other_way_round(people, tmp_path):
    run(build(people, "bf16", tmp_path, epochs=1))
    names = torch.load(tmp_path / "epoch_1.pth", weights_only=False)["state_dict"].keys()
    for epochs, name in ((2, "compile"), (3, "bf16")):
        assert run(build(people, name, tmp_path, epochs, resume=True)).epoch == epochs
        saved = torch.load(tmp_path / f"epoch_{epochs}.pth", weights_only=False)
        assert saved["state_dict"].keys() == names
