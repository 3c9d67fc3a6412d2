"""What ``tools/train.py --resume`` goes on from."""

import runpy
import sys
from unittest import mock

import pytest
import torch
from mmengine.runner import Runner
from small_run import ROOT, SMALL, SYNTHETIC, error_of


def config_of(*arguments, config=SYNTHETIC):
    """The config that the tool would train by."""
    with (
        mock.patch.object(sys, "argv", ["train.py", str(config), *map(str, arguments)]),
        mock.patch.object(Runner, "from_cfg") as build,
    ):
        runpy.run_path(str(ROOT / "tools/train.py"), run_name="__main__")
    return build.call_args.args[0]


def save(path, **more):
    torch.save({"state_dict": {}, "optimizer": {}, "meta": {"seed": 7}, **more}, path)


def test_the_newest_one(tmp_path):
    save(tmp_path / "epoch_1.pth")
    save(tmp_path / "epoch_2.pth")
    cfg = config_of("--work-dir", tmp_path, "--resume")
    assert cfg.resume and cfg.load_from == str(tmp_path / "epoch_2.pth")
    assert cfg.randomness.seed == 7  # that of the run, and not the config's


def test_a_seed_of_the_command_line_is_kept(tmp_path):
    save(tmp_path / "epoch_1.pth")
    arguments = ["--work-dir", tmp_path, "--resume"]
    assert config_of(*arguments, "--seed", 3).randomness.seed == 3
    assert config_of(*arguments, "--cfg-options", "randomness.seed=4").randomness.seed == 4


@pytest.mark.parametrize(
    ("name", "message"), [("gone.pth", "gone.pth does not exist"), ("weights.pth", "is none")]
)
def test_what_cannot_be_resumed_is_told_at_once(tmp_path, name, message):
    torch.save(torch.ones(3), tmp_path / "weights.pth")
    assert message in str(error_of("train.py", SYNTHETIC, "--resume", tmp_path / name))


def test_an_empty_work_dir_starts_as_the_config_says(tmp_path):
    options = ["--cfg-options", "load_from=weights.pth"]
    cfg = config_of("--work-dir", tmp_path, "--resume", *options)
    assert not cfg.resume and cfg.load_from == "weights.pth"


def test_where_none_can_be_read_nothing_is_written_over(tmp_path):
    (tmp_path / "epoch_1.pth").write_bytes(b"cut")
    error = error_of("train.py", SYNTHETIC, "--work-dir", tmp_path, "--resume")
    assert "none of 1 can be read" in str(error) and "move them away" in str(error)


def test_options_for_hooks_and_batches_that_a_config_lacks(tmp_path):
    bare = tmp_path / "bare.py"
    bare.write_text(
        f'_base_ = "{SYNTHETIC}"\ndefault_hooks = dict(_delete_=True)\nauto_scale_lr = None\n'
    )
    assert config_of("--no-validate", config=bare).val_cfg is None
    assert "base_batch_size=64" in str(error_of("train.py", bare, "--auto-scale-lr"))


def test_keeping_a_single_checkpoint_is_refused():
    options = ["default_hooks.checkpoint.max_keep_ckpts=1"]
    assert "removed before the new one" in str(error_of("train.py", SYNTHETIC, options=options))


def test_a_config_in_a_checkpoint_is_not_run(market_root, tmp_path):
    marker, path = tmp_path / "ran", tmp_path / "epoch_1.pth"
    hostile = f"open({str(marker)!r}, 'w')"
    save(path, meta={"seed": 0, "epoch": 1, "iter": 1, "config": hostile})
    options = [*SMALL, f"data_root={market_root}", "num_classes=3"]
    error_of("train.py", SYNTHETIC, "--work-dir", tmp_path, "--resume", path, options=options)
    assert not marker.exists()


@pytest.mark.parametrize("done", [True, False])
def test_the_validation_that_was_cut_off_is_made_up_for(market_root, tmp_path, done):
    options = [*SMALL, f"data_root={market_root}", "num_classes=3", "train_cfg.max_epochs=1",
               "train_cfg.val_interval=2"]  # fmt: skip
    argv = ["train.py", str(SYNTHETIC), "--work-dir", str(tmp_path), "--cfg-options", *options]
    train = dict(run_name="__main__")
    stop = mock.patch("mmengine.runner.ValLoop.run", side_effect=KeyboardInterrupt)
    with mock.patch.object(sys, "argv", argv), stop, pytest.raises(KeyboardInterrupt):
        runpy.run_path(str(ROOT / "tools/train.py"), **train)
    assert (tmp_path / "epoch_1.pth").is_file()
    if not done:
        argv = [word.replace("max_epochs=1", "max_epochs=2") for word in argv]
    with (
        mock.patch.object(sys, "argv", [*argv[:4], "--resume", *argv[4:]]),
        mock.patch("mmengine.runner.ValLoop.run") as validated,
    ):
        runpy.run_path(str(ROOT / "tools/train.py"), **train)
    assert validated.call_count == 1  # after epoch 1 if that was the last, else after 2 alone
