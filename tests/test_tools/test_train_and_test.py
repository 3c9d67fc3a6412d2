"""The main job, run as a user runs it."""

import json
import re
import runpy
import shutil
import signal
import subprocess
import sys
import time
from unittest import mock

import cv2
import pytest
import torch
from small_run import ENV, MARKET, ROOT, SMALL, SYNTHETIC, command, error_of, run, scores
from untrained_model import write_checkpoint

from mmvareid.datasets import make_synthetic


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """A small synthetic set: 4 people to train, 4 to test."""
    root = tmp_path_factory.mktemp("people") / "set"
    make_synthetic(root, num_ids=8, images_per_id=12, num_distractors=5, num_junk=3, seed=1)
    return root


@pytest.fixture(scope="module")
def trained(people, tmp_path_factory):
    """Work dir of the Market config trained on the small set."""
    work_dir = tmp_path_factory.mktemp("trained")
    options = [*SMALL, f"data_root={people}", "num_classes=4"]
    run("train.py", MARKET, "--work-dir", work_dir, options=options)
    return work_dir


def test_the_market_config_trains_and_its_checkpoint_scores(people, trained, tmp_path):
    out = tmp_path / "metrics.json"
    options = [*SMALL, f"data_root={people}", "num_classes=4"]
    printed = run(
        "test.py", MARKET, trained / "epoch_2.pth", "--work-dir", tmp_path, "--out", out,
        options=options,
    )  # fmt: skip
    metrics = json.loads(out.read_text())
    last = scores(trained)[-1]
    assert set(last) == {f"reid/{k}" for k in ("mAP", "mINP", "Rank-1", "Rank-5", "Rank-10")}
    assert {name: metrics[name] for name in last} == pytest.approx(last)
    # The data has viewpoints, so testing shows them too, and prints all in tables.
    assert {f"reid/cross/{view}/mAP" for view in ("front", "side", "back", "mean")} <= set(metrics)
    assert "gallery front" in printed and "By viewpoint" in printed


def test_one_run_scores_mirror_images_and_other_sets_and_keeps_the_features(
    people, trained, tmp_path
):
    other = tmp_path / "other.py"
    options = [*SMALL, f"data_root={people}", "num_classes=4"]
    loader = f"num_workers=0, persistent_workers=False, dataset=dict(data_root={str(people)!r})"
    lines = [f"_base_ = {str(MARKET)!r}", f"test_dataloader = dict({loader})"]
    other.write_text("\n".join(lines) + "\n")
    outs = [tmp_path / f"{name}.json" for name in ("flip", "again")]
    dump = tmp_path / "features.npz"
    printed = run(
        "test.py", MARKET, trained / "epoch_2.pth", "--flip", "--also", other,
        "--dump", dump, "--out", outs[0], options=[*options, "test_evaluator.rerank=True"],
    )  # fmt: skip
    found = json.loads(outs[0].read_text())
    assert "On the data of other" in printed and "other/mAP" in found
    run("analysis_tools/eval_features.py", dump, "--out", outs[1], "--options", "rerank=True")
    again = json.loads(outs[1].read_text())
    assert again == pytest.approx({name: found[f"reid/{name}"] for name in again})
    plain = scores(trained)[-1]
    assert found["reid/mAP"] != pytest.approx(plain["reid/mAP"], abs=1e-6)


def test_an_error_in_another_set_costs_no_scores(market_root, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(market_root, other)
    next((other / "bounding_box_test").glob("0001*")).write_bytes(b"")
    options = write_checkpoint(tmp_path / "a.pth", options=[f"data_root={market_root}"])
    config = tmp_path / "theirs.py"
    lines = [f"_base_ = {str(SYNTHETIC)!r}", "test_dataloader = dict(num_workers=0)"]
    config.write_text("\n".join([*lines, "test_dataloader['persistent_workers'] = False"]) + "\n")
    out = tmp_path / "scores.json"
    error = error_of(
        "test.py", SYNTHETIC, tmp_path / "a.pth", "--work-dir", tmp_path / "run", "--out", out,
        "--also", config, f"data_root={other}", options=options,
    )  # fmt: skip
    assert "every test image has to be readable" in str(error) and str(other) in str(error)
    found = json.loads(out.read_text())
    assert "reid/mAP" in found and not [name for name in found if name.startswith("theirs")]


def test_options_stand_behind_the_config_that_they_are_of(tmp_path):
    load_others = runpy.run_path(str(ROOT / "tools/test.py"), run_name="tool")["load_others"]
    found = load_others([str(SYNTHETIC), "data_root=/a b/c,d", str(MARKET)])
    roots = [cfg.test_dataloader.dataset.data_root for cfg in found.values()]
    assert roots == ["/a b/c,d", "data/market1501"]
    for also, message in (
        (["data_root=x", str(MARKET)], "has to begin with a config, but got data_root=x"),
        ([str(MARKET), str(MARKET)], "has to name each config once"),
    ):
        with pytest.raises(ValueError, match=message):
            load_others(also)


def test_testing_without_viewpoints_says_nothing_of_them(people, trained):
    options = [*SMALL, f"data_root={people}", "num_classes=4", "viewpoint_file=None"]
    printed = run("test.py", MARKET, trained / "epoch_2.pth", options=options)
    warnings = [line for line in printed.splitlines() if "WARNING" in line]
    assert not [line for line in warnings if "view" in line]
    tail = printed[printed.index("Epoch(test)") :]
    assert "reid/mAP" in tail and "viewpoint" not in tail.lower() and "cross" not in tail


def test_two_processes_train_and_score_as_one(people, tmp_path):
    options = [*SMALL, f"data_root={people}", "num_classes=4"]
    port = {"MASTER_PORT": "29517"}
    run(
        "dist_train.sh", SYNTHETIC, 2, "--work-dir", tmp_path / "train",
        options=[*options, "train_cfg.max_epochs=1"], env=port,
    )  # fmt: skip
    checkpoint = tmp_path / "train/epoch_1.pth"
    run("test.py", SYNTHETIC, checkpoint, "--out", tmp_path / "one.json", options=options)
    run(
        "dist_test.sh", SYNTHETIC, checkpoint, 2, "--out", tmp_path / "two.json",
        options=options, env=port,
    )  # fmt: skip
    one, two = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("one", "two"))
    assert two == pytest.approx(one, abs=1e-6)
    # The validation of the training itself used the statistics that the checkpoint holds. The
    # log keeps four digits.
    last = scores(tmp_path / "train")[-1]
    assert last == pytest.approx({name: one[name] for name in last}, abs=1e-3)


def test_killed_in_an_epoch_it_resumes_and_ends_as_without_the_kill(people, tmp_path):
    killed, clean = tmp_path / "killed", tmp_path / "clean"
    options = [*SMALL, f"data_root={people}", "num_classes=4", "train_cfg.max_epochs=4"]
    arguments = [MARKET, "--work-dir", killed]
    process = subprocess.Popen(
        command("train.py", *arguments, options=options),
        cwd=ROOT, env=ENV, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    for line in process.stdout:
        if "Epoch(train)" in line and "[3][1/" in line:  # the first step of epoch 3 is done
            process.send_signal(signal.SIGKILL)
            break
    assert process.wait(timeout=60) == -signal.SIGKILL
    process.stdout.close()
    assert (killed / "last_checkpoint").read_text().endswith("epoch_2.pth")

    clean.mkdir()
    shutil.copy(killed / "epoch_2.pth", clean)
    time.sleep(1)  # the log folder's name is the second in which it is made
    run("train.py", *arguments, "--resume", options=options)
    run("train.py", MARKET, "--work-dir", clean, "--resume", clean / "epoch_2.pth", options=options)
    assert len(scores(clean)) == 3  # of epoch 2 too, whose validation may have been cut off
    assert scores(killed) == scores(clean)


def test_training_goes_on_without_viewpoints(people, tmp_path):
    options = [*SMALL, f"data_root={people}", "num_classes=4", "viewpoint_file=None"]
    log = run(
        "train.py", MARKET, "--work-dir", tmp_path, options=[*options, "train_cfg.max_epochs=1"]
    )
    assert "viewpoint known for 0 of" in log
    assert "loss_view: 0.0000" in log


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("data_root=/nowhere", r"Market1501 needs .* '/nowhere' does not exist"),
        ("dataroot=/nowhere", "unknown key 'dataroot' .* did you mean 'data_root'"),
        ("model.head.scael=10", "model.head has 'scael'.*did you mean 'scale'"),
        ("num_classes=3", "has 4 identities, but the head has room for 3"),
        ("train_dataloader.batch_size=6", "batch_size has to be .* = 8 .*, but got 6"),
        (
            "train_dataloader.sampler.num_identities=5",
            "to have num_identities .* = 5 people or more, but got 4",
        ),
        ("model.head.num_views=2", "has 3 viewpoints, but the head has room for 2"),
        ("viewpoint_file=/nowhere.csv", "viewpoint_file has to be an existing file"),
    ],
)
def test_bad_settings_end_in_one_error_before_training(people, tmp_path, option, message):
    options = [*SMALL, f"data_root={people}", "num_classes=4", option]
    error = error_of("train.py", MARKET, "--work-dir", tmp_path, options=options)
    assert re.search(message, str(error))
    assert not list(tmp_path.glob("*/vis_data/scalars.json"))


def test_a_single_camera_is_told_before_training(people, tmp_path):
    root = tmp_path / "one_camera"
    shutil.copytree(people, root)
    for folder in ("query", "bounding_box_test"):
        for path in (root / folder).iterdir():
            path.rename(path.with_name(re.sub(r"_c\ds", "_c1s", path.name)))
    options = [*SMALL, f"data_root={root}", "num_classes=4", "viewpoint_file=None"]
    error = error_of("train.py", MARKET, "--work-dir", tmp_path / "run", options=options)
    assert "is there a single camera?" in str(error)
    options.append("train_cfg.max_epochs=1")
    run("train.py", MARKET, "--work-dir", tmp_path / "run", "--no-validate", options=options)
    assert (tmp_path / "run/epoch_1.pth").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="tells what lacks a GPU")
def test_mixed_precision_without_gpu_is_refused(capsys):
    with pytest.raises(SystemExit), mock.patch.object(sys, "argv", ["train.py", "c.py", "--amp"]):
        runpy.run_path(str(ROOT / "tools/train.py"), run_name="__main__")
    assert "--amp has to have a GPU, but none is found" in capsys.readouterr().err


def test_browse_dataset_draws_what_the_model_is_fed(people, tmp_path):
    out = tmp_path / "browse.png"
    options = [
        f"data_root={people}",
        "train_dataloader.sampler.num_identities=2",
    ]
    printed = run(
        "visualization/browse_dataset.py", SYNTHETIC, "--number", 8, "--out", out, options=options
    )
    assert "8 images of 48" in printed
    picture = cv2.imread(str(out))
    assert picture.std() > 20


def test_print_config_shows_options_where_they_reach(people):
    printed = run("print_config.py", MARKET, options=[f"data_root={people}"])
    assert printed.count(f"data_root='{people}'") == 3
