"""What cannot be written is refused before the work."""

import argparse
import os
import runpy
import sys
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from small_run import ROOT

from mmvareid.evaluation import ReIDMetric
from mmvareid.fileio.images import write_picture
from mmvareid.fileio.outputs import check_output, check_outputs


def test_folders_are_made_and_nothing_is_written(tmp_path):
    check_output(tmp_path / "new/a.npz", [".npz"])
    assert [*tmp_path.rglob("*")] == [tmp_path / "new"]
    (tmp_path / "old.json").write_text("old")
    check_output(tmp_path / "old.json")
    assert (tmp_path / "old.json").read_text() == "old"
    check_output("/dev/null", [])


def test_what_cannot_be_written(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    parser = argparse.ArgumentParser()
    for path, endings, message in (
        (tmp_path, [], "has to be a file to write, but is a folder"),
        (tmp_path / "a.npy", [".npz"], "a.npy has to end in .npz"),
        (tmp_path / "file/a.npz", [".npz"], "has to be a file that can be written, but: "),
        ("/proc/a.json", [], "/proc/a.json has to be a file that can be written, but: "),
    ):
        with pytest.raises((ValueError, OSError), match=message):
            check_output(path, endings)
        with pytest.raises(SystemExit):
            check_outputs(parser, None, path, endings=endings)
        assert message in capsys.readouterr().err
    if os.geteuid():  # root may write anywhere
        (tmp_path / "file").chmod(0o400)
        with pytest.raises(PermissionError, match="may not be written over"):
            check_output(tmp_path / "file")


# Tool -> its arguments less the output, which stands last.
TOOLS = {
    "test.py": ["c.py", "c.pth", "--out"],
    "analysis_tools/ablation.py": ["c.py", "--work-dir"],
    "analysis_tools/audit_viewpoints.py": ["v.json", "--out"],
    "analysis_tools/complexity.py": ["c.py", "--out"],
    "analysis_tools/eval_features.py": ["f.npz", "--out"],
    "analysis_tools/report.py": ["c.py", "c.pth", "--out"],
    "analysis_tools/verification.py": ["f.npz", "--out"],
    "dataset_converters/convert_viewpoints.py": ["v.json"],
    "dataset_converters/make_synthetic.py": ["root", "--contact-sheet"],
    "dataset_converters/viewpoints_from_images.py": ["c.py", "c.pth", "images"],
    "dataset_converters/viewpoints_from_pose.py": ["poses"],
    "inference/extract.py": ["c.py", "c.pth", "images"],
    "inference/search.py": ["c.py", "c.pth", "g.npz", "q.jpg", "--out"],
    "misc/verify_dataset.py": ["images", "--out"],
    "model_converters/convert_backbone.py": ["timm", "w.pth"],
    "visualization/browse_dataset.py": ["c.py", "--out"],
    "visualization/embedding.py": ["c.py", "c.pth", "--out"],
    "visualization/plot_angles.py": ["run", "--out"],
    "visualization/ranked_lists.py": ["c.py", "c.pth", "--out"],
    "visualization/soft_labels.py": ["c.py", "c.pth", "--out"],
    "visualization/viewpoint_matrix.py": ["s.json", "--out"],
}


@pytest.mark.parametrize("tool", TOOLS)
def test_every_tool_asks_at_its_start(tool, tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("")
    ending = {"report": "html", "npz": "npz", "viewpoint": "csv"}
    where = next((e for part, e in ending.items() if part in tool), "png")
    where = {"extract": "npz", "verification": "npz", "matrix": "png"}.get(
        tool.rpartition("/")[2].removesuffix(".py").rpartition("_")[2], where
    )
    out = tmp_path / "file" / ("runs" if "ablation" in tool else f"out.{where}")
    monkeypatch.chdir(tmp_path)
    folder = (ROOT / "tools" / tool).parent
    argv = [tool, *TOOLS[tool], str(out)]
    with (
        mock.patch.object(sys, "argv", argv),
        mock.patch.object(sys, "path", [str(folder), *sys.path]),
        pytest.raises(SystemExit),
    ):
        runpy.run_path(str(ROOT / "tools" / tool), run_name="__main__")
    assert "has to be a file that can be written, but: " in capsys.readouterr().err


def test_a_picture_is_written_whole_or_an_error(tmp_path):
    picture = np.zeros((4, 4, 3), np.uint8)
    write_picture(tmp_path / "a.png", picture)
    assert [*tmp_path.iterdir()] == [tmp_path / "a.png"]
    with pytest.raises(FileNotFoundError, match="has to be in a folder that exists"):
        write_picture(tmp_path / "none/a.png", picture)
    (tmp_path / "b.png").mkdir()
    with pytest.raises(OSError, match="b.png"):
        write_picture(tmp_path / "b.png", picture)
    with pytest.raises(ValueError, match="has to end in .png or .jpg"):
        write_picture(tmp_path / "a.xyz", picture)
    with pytest.raises(ValueError, match="65,535 rows for the latter, but got 70000 x 2 pixels"):
        write_picture(tmp_path / "a.jpg", np.zeros((70_000, 2, 3), np.uint8))


def test_a_dump_is_refused_when_the_metric_is_made(tmp_path):
    with pytest.raises(ValueError, match="feats.npy has to end in .npz"):
        ReIDMetric(dump=str(tmp_path / "feats.npy"))
    with pytest.raises(ValueError, match="but is a folder"):
        ReIDMetric(dump=str(Path(tmp_path, "a.npz").mkdir() or tmp_path / "a.npz"))
