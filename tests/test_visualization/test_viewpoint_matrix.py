import cv2
import numpy as np
import pytest
from matplotlib import colormaps

from mmvareid.visualization import draw_viewpoint_matrix, plot_viewpoint_matrix

NAMES = ("front", "side", "back")
MATRIX = np.array([[90.0, 50, 20], [40, 70, 30], [np.nan, 12, 80]])  # colours from 0 to 90


def test_cells_have_the_colours_of_one_scale():
    picture = draw_viewpoint_matrix({"mAP": MATRIX, "Rank-1": MATRIX / 2}, NAMES)
    assert picture.dtype == np.uint8
    viridis = colormaps["viridis"]
    for value in (*MATRIX[~np.isnan(MATRIX)], *(MATRIX / 2)[~np.isnan(MATRIX)]):
        color = np.round(255 * np.array(viridis(value / 90)[:3]))
        near = (np.abs(picture - color) <= 2).all(axis=2)
        assert near.sum() > 1000, value


def test_a_cell_without_a_match_is_grey():
    known = draw_viewpoint_matrix({"mAP": np.nan_to_num(MATRIX, nan=60.0)}, NAMES)
    unknown = draw_viewpoint_matrix({"mAP": MATRIX}, NAMES)
    changed = (known != unknown).any(axis=2)
    colors = unknown[changed].astype(int)
    assert (np.ptp(colors, axis=1) <= 3).mean() > 0.97  # some of the border is blended
    assert len(np.unique(colors[:, 0])) > 5  # hatched


def test_all_viewpoints_have_a_name_and_the_picture_grows_with_them(tmp_path):
    sizes = []
    for views in (1, 3, 8):
        path = tmp_path / f"{views}.png"
        matrix = np.full((views, views), 50.0)
        plot_viewpoint_matrix({"A": matrix, "B": matrix}, [f"view{i}" for i in range(views)], path)
        sizes.append(cv2.imread(str(path)).shape)
    assert sizes[0][0] <= sizes[1][0] < sizes[2][0]
    assert sizes[0][1] <= sizes[1][1] < sizes[2][1]


@pytest.mark.parametrize(
    ("matrices", "message"),
    [
        ({}, "matrices has to hold at least one matrix, but got none"),
        ({"mAP": MATRIX[:2]}, r"'mAP' has to be of shape \(3, 3\).*, but got \(2, 3\)"),
        ({"mAP": 2 * MATRIX}, "'mAP' has to be in percent, .* but got values from 24 to 180"),
    ],
)
def test_matrices_that_cannot_be_drawn(matrices, message):
    with pytest.raises(ValueError, match=message):
        draw_viewpoint_matrix(matrices, NAMES)
