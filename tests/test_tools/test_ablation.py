"""Rows x seeds: run once, resumed, summed up."""

import fcntl
import itertools
import json
import re
import runpy
import signal
import subprocess
import sys
import time
from argparse import Namespace
from pathlib import Path
from unittest import mock

import cv2
import pytest
from mmengine.config import Config
from small_run import CONFIGS, ENV, ROOT, SMALL, command

from mmvareid.datasets import make_synthetic

ROW = CONFIGS / "va-reid_seresnext-small_synthetic.py"

with mock.patch.object(sys, "path", [str(ROOT / "tools/analysis_tools"), *sys.path]):
    import ablation
    from ablation_table import markdown, summarize


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    root = tmp_path_factory.mktemp("people") / "set"
    make_synthetic(root, num_ids=8, images_per_id=12, num_distractors=5, num_junk=3, seed=1)
    return root


def call(people, work_dir, *args, options=(), configs=(ROW,)):
    options = [*SMALL, f"data_root={people}", "num_classes=4", "train_cfg.max_epochs=1", *options]
    return subprocess.run(
        command(
            "analysis_tools/ablation.py", *configs, "--work-dir", work_dir, *args, options=options
        ),
        capture_output=True, text=True, timeout=300, env=ENV, cwd=ROOT,
    )  # fmt: skip


def test_a_sweep_is_run_once_and_told_with_what_is_missing(people, tmp_path):
    args = ("--sweep", "beta=0.1,1", "--seeds", 0, "--jobs", 2)
    done = call(people, tmp_path, *args)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "va-reid_seresnext-small_synthetic_beta=1" / "seed0"
    assert "loss_weight=1.0" in (folder / "config.py").read_text()
    written = (folder / "results.json").stat().st_mtime_ns

    # The row itself is the sweep's 0.1: two trainings make three rows.
    table = json.loads((tmp_path / "ablation.json").read_text())
    assert [row["sweep"] for row in table] == [None, ["beta", 0.1], ["beta", 1.0]]
    assert len(list(tmp_path.glob("*/seed0"))) == 2
    assert table[0]["metrics"] == table[1]["metrics"]
    scores = json.loads((folder / "results.json").read_text())
    assert table[2]["metrics"]["reid/mAP"] == {"mean": scores["reid/mAP"], "std": None}
    blue = (cv2.imread(str(tmp_path / "ablation_beta.png")) == (180, 119, 31)).all(axis=2)
    assert blue.sum() > 200  # matplotlib's first colour: a line with points

    # Again: what is done is not done twice.
    again = call(people, tmp_path, *args)
    assert again.returncode == 0, again.stderr
    assert (folder / "results.json").stat().st_mtime_ns == written

    # What is missing is marked.
    told = call(people, tmp_path, "--sweep", "beta=0.1,1", "--seeds", 0, 1, "--summary")
    text = (tmp_path / "ablation.md").read_text()
    assert text.count("| 1 (1 not run) |") == 3
    assert text in told.stdout

    # Elsewhere the table stands for the runs, of these configs and seeds alone.
    elsewhere = tmp_path / "elsewhere"
    known = ("--known", tmp_path / "ablation.json")
    taken = call(people, elsewhere, *args, *known, options=["train_dataloader.num_workers=1"])
    assert taken.returncode == 0, taken.stderr
    assert not list(elsewhere.glob("*/seed0"))
    assert json.loads((elsewhere / "ablation.json").read_text()) == table
    told = call(people, elsewhere, *args, *known, "--summary", options=["model.head.margin=0.2"])
    assert "| 0 (1 not run) |" in told.stdout

    other = call(people, tmp_path, *args, options=["model.head.scale=5"])
    assert re.search(
        r"config.py has to be the config of this run.*scale.*another --work-dir", other.stderr
    )


def test_stopped_in_a_training_it_leaves_no_process_and_goes_on_there(people, tmp_path):
    options = [*SMALL, f"data_root={people}", "num_classes=4", "train_cfg.max_epochs=12"]
    folder = tmp_path / ROW.stem / "seed0"
    arguments = command(
        "analysis_tools/ablation.py", ROW, "--work-dir", tmp_path, "--seeds", 0, options=options
    )
    process = subprocess.Popen(arguments, env=ENV, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    checkpoint = folder / "run/last_checkpoint"  # written once the first one is whole
    while not (checkpoint.exists() and checkpoint.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert "stopped; the same command goes on" in process.communicate(timeout=60)[1]
    assert process.returncode == 1
    with (folder / "lock").open("w") as lock:  # free: the training has ended too
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        held = subprocess.run(arguments, env=ENV, cwd=ROOT, capture_output=True, text=True)
        assert "another process is at it" in held.stdout and held.returncode == 1
    assert not (folder / "results.json").exists()

    done = subprocess.run(arguments, env=ENV, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "resumed epoch: " in (folder / "output.log").read_text()
    assert (folder / "run/epoch_12.pth").exists() and (folder / "results.json").exists()


def test_a_failed_run_is_told_and_stops_no_other(people, tmp_path):
    bad = tmp_path / "bad.py"
    bad.write_text(f"_base_ = '{ROW}'\nmodel = dict(head=dict(scale=-1))\n")
    done = call(people, tmp_path / "runs", "--seeds", 0, configs=(bad, ROW))
    assert done.returncode == 1
    assert "1 runs failed" in done.stderr
    assert "failed: ValueError: " in done.stdout and "scale has to be above 0" in done.stdout
    assert "scale has to be above 0" in (tmp_path / "runs/bad/seed0/output.log").read_text()
    text = (tmp_path / "runs/ablation.md").read_text()
    assert "| bad | 0 (1 not run) | not run | not run |" in text
    assert "| va-reid_seresnext-small_synthetic | 1 |" in text


@pytest.mark.parametrize("left", ["results.json", "run/epoch_3.pth"])
def test_what_an_older_config_left_is_not_taken(tmp_path, left):
    run = ablation.Run(Config(dict(lr=1)), 0, tmp_path)
    file = tmp_path / left
    file.parent.mkdir(exist_ok=True)
    file.write_text("{}")
    with pytest.raises(ValueError, match="has to have the config of its run beside it"):
        run.check()
    Config(dict(lr=2)).dump(tmp_path / "config.py")
    with pytest.raises(ValueError, match="config of this run, but differs from it"):
        run.check()
    run.cfg.dump(tmp_path / "config.py")
    run.check()


def test_values_that_are_alike_in_six_digits_are_rows_of_their_own():
    values = [0.1, 0.1000001, 0.1000002]
    names = [row.name for row in ablation.rows_of([str(ROW)], [("margin", values)], {})]
    assert names[1:] == [ROW.stem, f"{ROW.stem}_margin=0.1000001", f"{ROW.stem}_margin=0.1000002"]


def test_mean_and_sample_deviation():
    scores = {0: {"reid/mAP": 1.0}, 1: {"reid/mAP": 2.0}, 2: {"reid/mAP": 6.0}, 3: None}
    found = summarize({"a": scores})["a"]
    assert found["metrics"] == {"reid/mAP": {"mean": 3, "std": pytest.approx(7**0.5)}}
    assert found["seeds"] == [0, 1, 2] and found["not_run"] == [3]
    text = markdown([{"row": "a", "sweep": None, **found}], ["reid/mAP", "reid/rerank/mAP"])
    assert "| a | 3 (1 not run) | 3.00 ± 2.65 | - |" in text


def test_gains_are_paired_by_seed():
    rows = {"a": {0: 1.0, 1: 5.0, 2: 9.0}, "b": {0: 2.0, 1: 8.0, 2: None}}
    scores = {
        row: {seed: v and {"reid/mAP": v} for seed, v in seeds.items()}
        for row, seeds in rows.items()
    }
    means = summarize(scores, "a")
    assert means["b"]["gain"] == {"reid/mAP": {"mean": 2, "std": pytest.approx(2**0.5)}}
    table = [{"row": row, "sweep": None, **found} for row, found in means.items()]
    text = markdown(table, ["reid/mAP"], "a")
    assert "| row | seeds | mAP | Δ mAP |" in text
    assert "| b | 2 (1 not run) | 5.00 ± 4.24 | +2.00 ± 1.41 |" in text


@pytest.mark.parametrize("text", ["{", "[1]", '[{"row": "a"}]'])
def test_known_runs_that_are_none_are_refused(tmp_path, text):
    (tmp_path / "old.json").write_text(text)
    with pytest.raises(ValueError, match=r"--known has to name a table .* but .*old.json is not"):
        ablation.read_known([tmp_path / "old.json"])


def test_the_fingerprint_is_of_what_is_trained():
    cfg = dict(data_root="/a/people", lr=1, loader=dict(num_workers=2, sets=[dict(seed=0)]))
    print_ = ablation.fingerprint(Config(cfg))
    assert ablation.fingerprint(Config(cfg | dict(data_root="/b/people"))) == print_
    assert ablation.fingerprint(Config(cfg | dict(data_root="/a/others"))) != print_
    assert ablation.fingerprint(Config(cfg | dict(lr=2))) != print_
    other = cfg | dict(loader=dict(num_workers=0, sets=[dict(seed=0)]))
    assert ablation.fingerprint(Config(other)) == print_


def test_the_benchmark_names_configs_that_are_there_and_keeps_runs(tmp_path):
    with mock.patch.object(sys, "path", [str(ROOT / "benchmarks"), *sys.path]):
        plan = runpy.run_path(str(ROOT / "benchmarks/ablation.py"))
    known = tmp_path / "none.json"
    for set_name, name in itertools.product(plan["SETS"], plan["GROUPS"]):
        args = Namespace(set=set_name, work_dir=tmp_path, jobs=1, data_root=tmp_path)
        called, _ = plan["tool_command"](args, name, [0], known)
        with mock.patch.object(sys, "argv", [str(part) for part in called[1:]]):
            read = ablation.parse_args()  # refuses a baseline that is no row
        assert all(Path(config).is_file() for config in read.configs)
    known, new = tmp_path / "known.json", tmp_path / "new.json"
    for seed in ("0", "1"):
        row = {"row": "a", "config": "f00", "sweep": None, "runs": {seed: {"reid/mAP": 1.0}}}
        new.write_text(json.dumps([row, {**row, "config": "ba2", "runs": {}}]))
        plan["merge"](known, new)
    found = ablation.read_known([known])
    assert found == {("f00", 0): {"reid/mAP": 1.0}, ("f00", 1): {"reid/mAP": 1.0}}


@pytest.mark.parametrize("text", ["gamma=1", "alpha", "alpha="])
def test_unknown_sweeps_are_refused(text):
    with pytest.raises(Exception, match="a sweep has to be name=value,value with a name of alpha"):
        ablation.parse_sweep(text)


def test_a_sweep_of_what_a_row_lacks_is_refused(people, tmp_path):
    lacking = CONFIGS / "xent_seresnext-small_synthetic.py"
    done = call(people, tmp_path, "--sweep", "beta=1", configs=(lacking,))
    assert "it has no model.head.loss_center.loss_weight" in done.stderr
