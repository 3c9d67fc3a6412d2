import json
from unittest import mock

import cv2
import numpy as np
import pytest
from matplotlib.figure import Figure
from small_run import SMALL, SYNTHETIC, run

from mmvareid.datasets import make_synthetic
from mmvareid.visualization import plot_angles
from mmvareid.visualization.angles import PANELS, read_angles


def angles(epoch, value):
    row = {"epoch": epoch, "step": 10 * epoch}
    for name in PANELS:
        row |= {f"angle/{name}": value, f"angle/{name}_std": 2.0}
    return row


def write(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_a_resumed_run_is_joined_and_what_was_trained_again_replaced(tmp_path):
    write(tmp_path / "1/vis_data/scalars.json", [{"loss": 1.0}, angles(1, 80.0), angles(2, 70.0)])
    write(tmp_path / "2/vis_data/scalars.json", [angles(2, 60.0), angles(3, 50.0)])
    found = read_angles(tmp_path)
    assert {epoch: row["angle/view_view"] for epoch, row in found.items()} == {
        1: 80.0,
        2: 60.0,
        3: 50.0,
    }


def blue(path):
    """Which pixels of a picture have matplotlib's first colour, (H, W) bool."""
    return (np.abs(cv2.imread(str(path)).astype(int) - (180, 119, 31)) < 20).all(axis=2)


def colours(path):
    """The saturated colours of a picture's lines, by number of pixels."""
    orange = (np.abs(cv2.imread(str(path)).astype(int) - (14, 127, 255)) < 20).all(axis=2)
    return blue(path).sum(), orange.sum()


def test_runs_are_drawn_each_in_its_colour(tmp_path):
    first = write(tmp_path / "a.json", [angles(1, 80.0), angles(2, 70.0)])
    second = write(tmp_path / "b.json", [angles(1, 80.0), angles(2, 40.0)])
    plot_angles(first, tmp_path / "one.png")
    first_colour, second_colour = colours(tmp_path / "one.png")
    assert first_colour > 100
    assert second_colour == 0
    plot_angles([first, second], tmp_path / "two.png", ["a", "x_$y_{$"])
    assert min(colours(tmp_path / "two.png")) > 100


def test_a_run_without_viewpoints_leaves_panels_empty(tmp_path):
    row = {key: value for key, value in angles(1, 80.0).items() if "view" not in key}
    plot_angles(write(tmp_path / "a.json", [row]), tmp_path / "one.png")
    panels = np.array_split(blue(tmp_path / "one.png"), len(PANELS), axis=1)
    drawn = {name: int(panel.sum()) for name, panel in zip(PANELS, panels, strict=True)}
    assert drawn == {"identity_view": 0, "view_view": 0, "identity_identity": mock.ANY}
    assert drawn["identity_identity"] > 10


def test_lines_go_through_the_means_and_bands_are_a_deviation_wide(tmp_path):
    rows = [angles(1, 80.0), angles(2, 70.0)]
    with mock.patch.object(Figure, "savefig", autospec=True) as save:
        plot_angles(write(tmp_path / "a.json", rows), tmp_path / "one.png")
    figure = save.call_args.args[0]
    assert [axes.get_title() for axes in figure.axes] == [*PANELS.values()]
    for axes in figure.axes:
        (line,) = axes.lines
        assert line.get_xydata().tolist() == [[1, 80], [2, 70]]
        (band,) = axes.collections
        corners = {tuple(map(float, xy)) for xy in band.get_paths()[0].vertices}
        assert corners == {(1, 78), (1, 82), (2, 68), (2, 72)}


def test_what_cannot_be_drawn_is_told(tmp_path):
    scalars = write(tmp_path / "scalars.json", [{"loss": 1.0}])
    with pytest.raises(ValueError, match=r"has to hold angles of centres, but got none; train"):
        plot_angles(scalars, tmp_path / "out.png")
    with pytest.raises(FileNotFoundError, match=r"has to be a scalars.json or a work dir"):
        plot_angles(tmp_path / "nothing", tmp_path / "out.png")
    with pytest.raises(ValueError, match="has to hold 1 names that differ, but got .'a', 'b'."):
        plot_angles(scalars, tmp_path / "out.png", ["a", "b"])
    with pytest.raises(ValueError, match="at least one run, but got none"):
        plot_angles([], tmp_path / "out.png")


def test_training_writes_the_angles_and_the_tool_draws_them(tmp_path):
    people = tmp_path / "people"
    make_synthetic(people, num_ids=8, images_per_id=12, num_distractors=0, num_junk=0, seed=1)
    options = [*SMALL, f"data_root={people}", "num_classes=4"]
    log = run(
        "train.py", SYNTHETIC, "--work-dir", tmp_path / "run", "--no-validate", options=options
    )
    assert "of 12 viewpoint centres have training images" in log
    found = read_angles(tmp_path / "run")
    assert [*found] == [1, 2]
    assert found[1]["step"] * 2 == found[2]["step"]
    for row in found.values():
        assert {f"angle/{name}{end}" for name in PANELS for end in ("", "_std")} <= row.keys()
        assert all(0 <= value <= 180 for key, value in row.items() if key.startswith("angle/"))
    out = tmp_path / "pictures/angles.png"
    printed = run("visualization/plot_angles.py", tmp_path / "run", "--out", out)
    assert "Angles of 1 runs" in printed
    assert colours(out)[0] > 100
