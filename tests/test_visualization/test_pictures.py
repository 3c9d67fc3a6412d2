import json

import cv2
import numpy as np
import pytest

from mmvareid.visualization import draw_image_grid, plot_curves
from mmvareid.visualization.angles import read_angles
from mmvareid.visualization.scalars import read_scalars


def test_image_grid_places_images_in_rows():
    images = [np.full((16, 8, 3), 10 * i, np.uint8) for i in range(5)]
    grid = draw_image_grid(images, [str(i) for i in range(5)], columns=3, height=32)
    cell_height, cell_width = grid.shape[0] // 2, grid.shape[1] // 3
    for i in range(5):
        row, column = divmod(i, 3)
        assert (grid[row * cell_height + 16, column * cell_width + 12] == 10 * i).all()


def test_image_grid_wants_a_caption_for_each_image():
    with pytest.raises(ValueError, match="caption for each image, but got 1 images and 0"):
        draw_image_grid([np.zeros((4, 4, 3), np.uint8)], [])


def test_curves_are_drawn(tmp_path):
    rows = [
        {"loss": 3.0, "loss_id": 2.0, "epoch": 1, "step": 4},
        {"reid/mAP": 10.0, "reid/Rank-1": 20.0, "step": 1},
        {"loss": 2.0, "loss_id": 1.0, "epoch": 2, "step": 8},
    ]
    scalars = tmp_path / "scalars.json"
    scalars.write_text("\n".join(map(json.dumps, rows)))
    plot_curves(scalars, tmp_path / "curves.png")
    assert cv2.imread(str(tmp_path / "curves.png")).std() > 5


def test_a_line_that_a_kill_has_cut_is_left_out(tmp_path, log):
    scalars = tmp_path / "scalars.json"
    rows = [{"loss": 3.0, "angle/view_view": 60.0, "epoch": 1}, {"loss": 2.0, "epoch": 2}]
    scalars.write_text("\n".join(map(json.dumps, rows)) + '\n{"loss": 1.0, "epo')
    assert read_scalars(scalars) == rows
    assert [*read_angles(scalars)] == [1]
    assert log[0].startswith("WARNING 1 lines of") and "was the run killed?" in log[0]


def test_curves_without_a_loss_are_refused(tmp_path):
    (tmp_path / "scalars.json").write_text("")
    with pytest.raises(ValueError, match="has to hold the losses of a run"):
        plot_curves(tmp_path / "scalars.json", tmp_path / "curves.png")
