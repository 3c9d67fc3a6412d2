import json
import runpy
import sys
from unittest import mock

import cv2
import numpy as np
import pytest
from matplotlib import colormaps
from small_run import ROOT, error_of

from mmvareid.visualization import pair_matrices

TOOL = "visualization/viewpoint_matrix.py"


def write(path, cells, **others):
    """A file as of tools/test.py --out; ``cells`` is {'front-side': mAP}."""
    scores = {f"reid/pair/{pair}/mAP": value for pair, value in cells.items()}
    scores |= {f"reid/pair/{pair}/Rank-1": value / 2 for pair, value in cells.items()}
    scores |= {"reid/mAP": 1.0, "reid/cross/front/mAP": 2.0}
    scores |= {f"reid/pair/{name}/mAP": 3.0 for name in ("mean", "worst", "gap")}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(scores | others))
    return path


def run_tool(*args):
    argv = [TOOL, *map(str, args)]
    with mock.patch.object(sys, "argv", argv):
        runpy.run_path(str(ROOT / "tools" / TOOL), run_name="__main__")


def drawn(*args):
    """Run the tool; returns the matrices and names that it would draw."""
    with mock.patch("mmvareid.visualization.plot_viewpoint_matrix") as plot:
        run_tool(*args)
    matrices, names, _ = plot.call_args.args
    return matrices, names


def test_cells_are_drawn(tmp_path):
    out = tmp_path / "new/matrix.png"
    run_tool(write(tmp_path / "a.json", {"front-front": 80.0, "front-back": 30.0}), "--out", out)
    picture = cv2.imread(str(out)).astype(int)
    for value in (80, 30, 40, 15):
        color = np.round(255 * np.array(colormaps["viridis"]((value - 10) / 70)[2::-1]))
        assert (np.abs(picture - color) <= 2).all(axis=2).sum() > 1000, value


def test_a_view_of_the_gallery_alone_keeps_its_column_and_summaries_are_no_cells(tmp_path):
    path = write(tmp_path / "a.json", {"side-back": 10.0, "side-front": 20.0, "back-side": 30.0})
    matrices, names = drawn(path, "--out", tmp_path / "out.png")
    nan = np.nan
    expected = [[nan, nan, nan], [20, nan, 10], [nan, 30, nan]]
    assert names == ["front", "side", "back"]
    assert list(matrices) == ["mAP", "Rank-1"]
    np.testing.assert_array_equal(matrices["mAP"], expected)
    np.testing.assert_array_equal(matrices["Rank-1"], np.array(expected) / 2)


def test_numbered_views_stand_in_order(tmp_path):
    path = write(tmp_path / "a.json", {"view10-view2": 10.0, "view0-view10": 20.0})
    matrices, names = drawn(path, "--out", tmp_path / "out.png")
    assert names == ["view0", "view2", "view10"]
    assert matrices["mAP"][2, 1] == 10


def test_files_of_one_name_are_all_drawn(tmp_path):
    paths = [
        write(tmp_path / name / "results.json", {"front-side": value})
        for name, value in (("va", 10.0), ("ly", 20.0))
    ]
    matrices, _ = drawn(*paths, "--out", tmp_path / "out.png")
    cells = {title: matrix[0, 1] for title, matrix in matrices.items()}
    assert cells == {"va, mAP": 10, "va, Rank-1": 5, "ly, mAP": 20, "ly, Rank-1": 10}
    matrices, _ = drawn(*paths, "--labels", "VA-reID", "L_y", "--out", tmp_path / "out.png")
    assert list(matrices) == ["VA-reID, mAP", "VA-reID, Rank-1", "L_y, mAP", "L_y, Rank-1"]


def test_each_of_several_sets_in_a_file_is_drawn(tmp_path):
    other = {"duke/pair/front-side/mAP": 40.0, "duke/pair/front-side/Rank-1": 20.0}
    path = write(tmp_path / "a.json", {"front-side": 10.0}, **other)
    matrices, _ = drawn(path, "--out", tmp_path / "out.png")
    cells = {title: matrix[0, 1] for title, matrix in matrices.items()}
    assert cells == {
        "reid, mAP": 10, "reid, Rank-1": 5, "duke, mAP": 40, "duke, Rank-1": 20
    }  # fmt: skip
    with pytest.raises(ValueError, match="of one test set, but are of reid, duke"):
        pair_matrices(json.loads(path.read_text()))


def test_what_cannot_be_drawn_is_told(tmp_path, capsys):
    one = write(tmp_path / "a.json", {"front-side": 10.0})
    two = write(tmp_path / "b.json", {"front-back": 10.0})
    out = ("--out", tmp_path / "out.png")
    assert "same viewpoints, but got front, side in" in str(error_of(TOOL, one, two, *out))
    none = write(tmp_path / "c.json", {})
    assert "has to hold scores by viewpoint" in str(error_of(TOOL, none, *out))
    for args in ((one, two, *out, "--labels", "a", "a"), (one, one, *out)):
        with pytest.raises(SystemExit):
            run_tool(*args)
        assert "labels has to hold 2 names that differ" in capsys.readouterr().err
