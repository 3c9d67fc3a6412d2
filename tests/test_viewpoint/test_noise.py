import numpy as np
import pytest

from mmvareid.datasets import Market1501
from mmvareid.viewpoint.noise import add_label_noise

RIGHT = np.random.default_rng(0).integers(-1, 3, 4000)


@pytest.mark.parametrize("kind", ["uniform", "neighbours"])
@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_the_share_is_exact_and_the_unknown_stay(kind, share):
    wrong = add_label_noise(RIGHT, share, kind, seed=3)
    assert (wrong[RIGHT == -1] == -1).all()
    assert wrong[RIGHT >= 0].min() == 0 and wrong.max() == 2
    assert (wrong != RIGHT).sum() == round(share * (RIGHT >= 0).sum())
    np.testing.assert_array_equal(wrong, add_label_noise(RIGHT, share, kind, seed=3))
    if share == 0.25:
        assert (wrong != add_label_noise(RIGHT, share, kind, seed=4)).any()


def test_where_the_wrong_ones_go():
    wrong = add_label_noise(RIGHT, 1.0)
    went = np.array([[((a == RIGHT) & (wrong == b)).sum() for b in range(3)] for a in range(3)])
    rows = went / went.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(rows, (1 - np.eye(3)) / 2, atol=0.05)
    near = add_label_noise(RIGHT, 1.0, "neighbours")
    assert (np.abs(near - RIGHT)[RIGHT >= 0] == 1).all()
    side = near[RIGHT == 1]
    assert abs((side == 0).mean() - 0.5) < 0.05


def test_shuffled_viewpoints_are_as_many_of_each_and_right_by_chance():
    mixed = add_label_noise(RIGHT, 1.0, "shuffled", seed=3)
    np.testing.assert_array_equal(np.bincount(mixed + 1), np.bincount(RIGHT + 1))
    assert (mixed[RIGHT == -1] == -1).all()
    assert abs((mixed == RIGHT)[RIGHT >= 0].mean() - 1 / 3) < 0.03
    half = add_label_noise(RIGHT, 0.5, "shuffled", seed=3)
    assert abs((half == RIGHT)[RIGHT >= 0].mean() - 2 / 3) < 0.03


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(share=1.5), "share of wrong labels"),
        (dict(share=0.5, kind="far"), "kind of label noise"),
        (dict(share=0.5, num_views=2), "num_views of label noise"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        add_label_noise(RIGHT, **options)


def test_of_a_dataset(market_root, log):
    right = Market1501(market_root, viewpoint_file="auto")
    wrong = Market1501(market_root, viewpoint_file="auto", label_noise=dict(share=0.5))
    differ = [
        right.get_data_info(i)["viewpoint"] != wrong.get_data_info(i)["viewpoint"]
        for i in range(13)
    ]
    assert sum(differ) == 6  # Python rounds half to even
    assert "viewpoints.json, 6 made wrong by label_noise" in "".join(log)
    with pytest.raises(ValueError, match="label_noise has to be None in the test split"):
        Market1501(market_root, "test", label_noise=dict(share=0.5))
    with pytest.raises(ValueError, match="label_noise has to have viewpoints to make wrong"):
        Market1501(market_root, label_noise=dict(share=0.5))
