import numpy as np
import pytest
from bodies import bodies

from mmvareid.viewpoint import from_pose

COCO = [0, 0, 0, 0, 0, 5, 2, 6, 3, 7, 4, 11, 8, 12, 9, 13, 10]  # which of the fourteen
OPENPOSE = [0, *range(1, 14), 0, 0, 0, 0]
BODY_25 = [0, *range(1, 8), 8, *range(8, 14), *[0] * 4, *[10] * 6]


@pytest.mark.parametrize("number", [1, 20, 1000])
def test_views_are_told_and_named_without_labels(number):
    points, views = bodies(number)
    found = from_pose(points)
    assert (found.labels == views).mean() > 0.9
    assert found.confidence.min() > 1 / 3
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1)
    np.testing.assert_array_equal(found.confidence, found.probabilities.max(axis=1))


@pytest.mark.parametrize("view", range(3))
def test_images_of_a_single_view(view):
    points, views = bodies(90, seed=1)
    assert (from_pose(points[views == view]).labels == view).mean() > 0.9


@pytest.mark.parametrize("layout", [COCO, OPENPOSE, BODY_25])
def test_layouts_tell_the_same(layout):
    points, _ = bodies(60, noise=0)
    scores = np.ones((60, len(layout), 1))
    found = from_pose(np.concatenate([points[:, layout], scores], axis=2))
    np.testing.assert_array_equal(found.labels, from_pose(points).labels)


def test_mirror_images_are_of_the_same_view():
    points, _ = bodies(400, noise=3)
    swapped = [0, 1, 5, 6, 7, 2, 3, 4, 11, 12, 13, 8, 9, 10]
    mirrored = np.stack([64 - points[:, swapped, 0], points[:, swapped, 1]], axis=2)
    found, again = from_pose(points), from_pose(mirrored)
    np.testing.assert_allclose(
        found.probabilities, again.probabilities, atol=0.1
    )  # trees draw at random


def test_size_and_place_in_the_image_do_not_matter():
    points, _ = bodies(50)
    np.testing.assert_array_equal(from_pose(points).labels, from_pose(3 * points - 40).labels)


@pytest.mark.parametrize("labelled", [20, 300])
def test_labels_of_some_teach_the_others(labelled):
    points, views = bodies(600, noise=4)
    other = 2 - views  # a naming of one's own
    given = np.where(np.arange(600) < labelled, other, -1)
    found = from_pose(points, given)
    np.testing.assert_array_equal(found.labels[:labelled], other[:labelled])
    assert (found.confidence[:labelled] == 1).all()
    assert (found.labels == other)[labelled:].mean() > (0.7 if labelled == 20 else 0.85)


def test_eight_views_by_labels():
    points, views = bodies(500)
    found = from_pose(points, np.where(np.arange(500) < 400, 3 * views, -1))
    assert found.probabilities.shape == (500, 7)
    assert set(found.labels) == {0, 3, 6}


def test_missing_points_make_a_body_unknown_only_if_too_many():
    points, views = bodies(300)
    points = np.concatenate([points, np.ones((300, 14, 1))], axis=2)
    points[0, :, 2] = 0  # nothing
    points[1, 2] = np.nan  # a shoulder
    points[2, 8:, 2] = 0  # half of it, with both shoulders
    points[3, 3:, 2] = 0  # with one point too few
    points[4, :, 1] = 5  # a line
    points[5:40, 10, 2] = 0
    found = from_pose(points)
    assert found.labels[[0, 1, 3, 4]].tolist() == [-1] * 4
    assert found.confidence[[0, 1, 3, 4]].tolist() == [0] * 4
    assert found.labels[2] >= 0
    assert (found.labels == views)[5:].mean() > 0.9
    assert (from_pose(points, min_score=1.0).labels == -1).all()


def test_points_without_scores_are_missing_at_zero():
    points, _ = bodies(3)
    points[1, 2] = 0
    assert from_pose(points).labels[1] == -1


def test_no_body_at_all():
    found = from_pose(np.zeros((4, 17, 3)))
    assert found.labels.tolist() == [-1] * 4
    assert from_pose(np.zeros((0, 17, 3))).probabilities.shape == (0, 3)


@pytest.mark.parametrize(
    ("points", "labels", "message"),
    [
        (np.zeros((2, 13, 2)), None, r"J one of \[14, 17, 18, 25\], but got \(2, 13, 2\)"),
        (np.zeros((2, 14)), None, r"of shape \(N, J, 2 or 3\)"),
        (np.zeros((2, 14, 2)), [0], r"labels has to be of shape \(2,\)"),
        (np.zeros((2, 14, 2)), [0.0, 1.0], "and hold integers, but got .* float64"),
        (np.zeros((2, 14, 2)), [0, 1], r"two viewpoints or more, but gives \[\]"),
        (bodies(9)[0], [0, -1, *[0] * 7], r"two viewpoints or more, but gives \[0\]"),
        (bodies(2)[0], [0, 10**9], "labels has to be below 360, but got 1000000000"),
    ],
)
def test_errors(points, labels, message):
    with pytest.raises(ValueError, match=message):
        from_pose(points, labels)


def test_points_on_a_line_are_no_body_and_leave_the_others_alone():
    points, _ = bodies(300)
    line = np.stack([np.arange(14.0), np.full(14, 5.1)], axis=1)
    alone, beside = from_pose(points), from_pose(np.concatenate([points, [line]]))
    assert beside.labels[-1] == -1
    assert (beside.labels[:-1] == alone.labels).mean() > 0.99


def test_labels_of_two_views_give_columns_of_three():
    points, views = bodies(300)
    labels = np.where(views == 2, -1, views)
    found = from_pose(points, labels)
    assert found.probabilities.shape == (300, 3) and (found.probabilities[:, 2] == 0).all()
