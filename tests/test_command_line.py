"""The command line, and the package outside its clone."""

import json
import os
import re
import runpy
import subprocess
import sys
import zipfile
from unittest import mock

import numpy as np
import pytest
from mmpretrain.models import SEResNeXt
from small_run import ENV, ROOT, SYNTHETIC
from untrained_model import write_checkpoint

import mmvareid
from mmvareid.__main__ import COMMANDS, TOOLS, main
from mmvareid.config import find_config, load_config
from mmvareid.registry import MODELS


def call(*args):
    """Run a command in this process."""
    with mock.patch.object(sys, "argv", ["mmvareid", *map(str, args)]):
        main()


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "small.pth"
    return path, write_checkpoint(path)


def test_extract_and_search(checkpoint, market_root, tmp_path, capsys):
    path, options = checkpoint
    (market_root / "query" / "broken.jpg").write_bytes(b"no picture")
    gallery, found = tmp_path / "new" / "g.npz", tmp_path / "found.json"
    call(
        "extract", SYNTHETIC, path, market_root, gallery, "--viewpoint-file",
        market_root / "viewpoints.json", "--cfg-options", *options,
    )  # fmt: skip
    said = capsys.readouterr().out
    assert "26 pictures, 26 of them with person and camera, 21 with a viewpoint; 1 unread" in said
    query = market_root / "query" / "0001_c1s1_000100_00.jpg"
    call(
        "search", SYNTHETIC, path, gallery, query, "--k", 3, "--cameras", 1, 3, "--out", found,
        "--cfg-options", *options,
    )  # fmt: skip
    assert re.search(r"1 │ 1\.000 +│ [12] +│ [13] +│ ", capsys.readouterr().out)
    ((row),) = json.loads(found.read_text())
    assert row["query"] == str(query) and len(row["hits"]) == 3
    assert str(query) in [hit["path"] for hit in row["hits"]]  # others have the same pixels
    assert row["hits"][0]["similarity"] == pytest.approx(1, abs=1e-5)
    assert {hit["camera"] for hit in row["hits"]} <= {1, 3}
    assert row["hits"][0]["time"] is None  # JSON has no NaN


def test_thresholds_from_known_people_to_nobody(checkpoint, market_root, tmp_path, capsys):
    path, options = checkpoint
    gallery, pairs, found = (tmp_path / name for name in ("g.npz", "pairs.npz", "found.json"))
    call("extract", SYNTHETIC, path, market_root, gallery, "--cfg-options", *options)
    call(
        "verification", gallery, "--rates", 0.1, 1e-9, "--out", pairs, "--plot",
        tmp_path / "new/pairs.png",
    )  # fmt: skip
    said = capsys.readouterr().out
    assert "pairs of one person" in said and "too few pairs" in said and "10 %" in said
    assert (tmp_path / "new/pairs.png").is_file()
    query = market_root / "query" / "0001_c1s1_000100_00.jpg"
    search = ("search", SYNTHETIC, path, gallery, query, "--k", 30, "--out", found)
    call(*search, "--pairs", pairs, "--fpr", 0.1, "--other-cameras", "--cfg-options", *options)
    ((row),) = json.loads(found.read_text())
    threshold = float(re.search(r"above the cosine (\d\.\d+)", capsys.readouterr().out)[1])
    assert all(hit["similarity"] > threshold - 1e-4 for hit in row["hits"])
    assert all(hit["impostors_above"] <= 0.1 for hit in row["hits"])
    assert 1 not in {hit["camera"] for hit in row["hits"]}
    call(*search, "--threshold", 0, "--cameras", 9, "--cfg-options", *options)
    assert "nobody" in capsys.readouterr().out and json.loads(found.read_text())[0]["hits"] == []
    with pytest.raises(SystemExit):
        call(*search, "--fpr", 0.1)
    assert "--fpr has to have --pairs" in capsys.readouterr().err
    np.savez(tmp_path / "f.npz", **{"features": np.eye(4), "person_id": [1, 1, 2, 2],
             "camera_id": [0, 1, 0, 1], "is_query": [1, 0, 1, 0]})  # fmt: skip
    call("verification", tmp_path / "f.npz", "--rates", 0.5)
    assert "2 pairs of one person, 2 of two" in capsys.readouterr().out


def test_a_viewpoint_file_of_other_pictures_is_refused(checkpoint, market_root, tmp_path):
    path, options = checkpoint
    (tmp_path / "other.csv").write_text("image,viewpoint\nelsewhere.jpg,0\n")
    with pytest.raises(SystemExit, match="none of its 1 names, such as elsewhere.jpg, is among"):
        call(
            "extract", SYNTHETIC, path, market_root, tmp_path / "g.npz", "--viewpoint-file",
            tmp_path / "other.csv", "--cfg-options", *options,
        )  # fmt: skip


def test_names_that_look_like_markup_or_are_no_text(
    checkpoint, market_root, tmp_path, capsys, monkeypatch
):
    path, options = checkpoint
    folder, gallery, found = tmp_path / "q[front]", tmp_path / "g.npz", tmp_path / "found.json"
    (folder / "x[").mkdir(parents=True)  # [/red] would end a colour
    picture = next((market_root / "query").iterdir()).read_bytes()
    stamp = f"{2**64}_c1.jpg"  # looks like a person's number
    names = [b"x[/red].jpg", b"\xff.jpg", stamp.encode()]
    for name in names:
        with open(os.path.join(os.fsencode(folder), name), "wb") as file:
            file.write(picture)
    monkeypatch.chdir(tmp_path)
    call("extract", SYNTHETIC, path, "q[front]", gallery, "--cfg-options", *options)
    assert "3 pictures, 0 of them with person" in capsys.readouterr().out
    call("search", SYNTHETIC, path, gallery, folder, "--out", found, "--cfg-options", *options)
    printed = "".join(capsys.readouterr().out.split())
    assert "q[front]/x[/red].jpg" in printed and "\\xff.jpg" in printed
    assert json.loads(found.read_text())[0]["hits"][0]["path"].startswith(str(folder))
    call_tool("misc/verify_dataset.py", folder)
    assert "x[/red].jpg" in capsys.readouterr().out


def call_tool(tool, *args):
    with mock.patch.object(sys, "argv", [tool, *map(str, args)]):
        runpy.run_path(str(ROOT / "tools" / tool), run_name="__main__")


def test_errors_are_one_line(tmp_path):
    with pytest.raises(SystemExit, match=r"^mmvareid extract: the config x does not exist"):
        call("extract", "x", "y", tmp_path, "g.npz")
    with pytest.raises(SystemExit, match=r"^train: the config x does not exist"):
        call("train", "x")
    with pytest.raises(SystemExit, match=r"^test: the checkpoint y\.pth does not exist"):
        call("eval", SYNTHETIC, "y.pth")
    with pytest.raises(SystemExit, match="'nothing' has to be one of train, eval"):
        call("nothing")


def test_help_names_every_command(capsys):
    call()
    printed = capsys.readouterr().out
    assert all(re.search(rf"^  {command} ", printed, re.M) for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_tool_and_its_help(command, capsys):
    assert (TOOLS / COMMANDS[command][0]).is_file()
    with pytest.raises(SystemExit):
        call(command, "--help")
    assert f"usage: mmvareid {command} " in capsys.readouterr().out


def test_packaged_configs_are_found_by_name():
    cfg = mmvareid.get_config("va_reid/va-reid_seresnext101_market1501")
    assert cfg.model.head.type == "mmvareid.VAHead"
    assert find_config(SYNTHETIC) == SYNTHETIC
    with pytest.raises(FileNotFoundError, match="did you mean va_reid/va-reid_seresnext101_market"):
        mmvareid.get_config("va_reid/va-reid_seresnext101_market")


def test_a_config_outside_inherits_one_of_the_package(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        '_base_ = "mmvareid::va_reid/va-reid_seresnext-small_synthetic.py"\n'
        "model = dict(head=dict(scale=12.0))\n"
    )
    model = MODELS.build(load_config(str(path)).model)
    assert model.head.scale == 12 and type(model.backbone) is SEResNeXt


CHECK = """
import mmvareid
from mmvareid.config import find_config
assert mmvareid.__file__.startswith({place!r}), mmvareid.__file__
print(mmvareid.get_config("va_reid/va-reid_resnet50_market1501").model.backbone.type)
print(find_config("speed/all"))
"""


def test_the_wheel_has_configs_and_tools(tmp_path):
    place = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    offline = ["--no-deps", "--no-build-isolation", "--no-index"]
    source = tmp_path / "source"
    subprocess.run(["git", "checkout-index", "-a", f"--prefix={source}/"], cwd=ROOT, check=True)
    subprocess.run([*pip, "wheel", *offline, "-w", tmp_path, source], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    subprocess.run([*pip, "install", *offline, "--target", place, wheel], check=True)
    names = zipfile.ZipFile(wheel).namelist()
    for folder in ("configs", "tools"):
        files = {path.relative_to(ROOT).as_posix() for path in (ROOT / folder).rglob("*.py")}
        assert files <= {name.removeprefix("mmvareid/.mim/") for name in names}
    env = {**ENV, "PYTHONPATH": str(place)}
    run = [sys.executable, "-W", "ignore"]
    options = dict(env=env, cwd=tmp_path, capture_output=True, text=True, check=True)
    printed = subprocess.run([*run, "-c", CHECK.format(place=str(place))], **options).stdout
    assert "SEResNeXt" not in printed and os.fspath(place) in printed.splitlines()[-1]
    helped = subprocess.run([*run, "-m", "mmvareid", "synth", "--help"], **options).stdout
    assert "mmvareid synth" in helped
