import cv2
import numpy as np
import pytest
from small_run import SYNTHETIC, run
from untrained_model import write_checkpoint

from mmvareid.datasets import make_synthetic
from mmvareid.visualization import choose_people, embed_features, plot_embedding

INFOS = [
    dict(person_id=person, viewpoint=view)
    for person, views in ((2, (0, 1, 2)), (3, (0, 0, -1)), (5, (0, 1, 2)), (9, (1, 2, 0)))
    for view in views
]


def clusters(per_person=6):
    """Features of 3 people, far apart, (N, 16)."""
    centers = np.eye(3, 16).repeat(per_person, axis=0)
    noise = np.random.default_rng(0).normal(scale=0.05, size=centers.shape)
    return (centers + noise).astype(np.float32)


def test_clusters_stay_apart_and_lengths_do_not_count():
    features = clusters()
    places = embed_features(features * np.linspace(1, 9, len(features))[:, None])
    assert places.shape == (18, 2)
    distance = np.linalg.norm(places[:, None] - places[None], axis=2)
    np.fill_diagonal(distance, np.inf)
    assert (distance.argmin(axis=1) // 6 == np.arange(18) // 6).all()


def test_places_are_seeded():
    np.testing.assert_array_equal(embed_features(clusters()), embed_features(clusters()))


def test_few_images_are_embedded_and_fewer_refused():
    assert np.isfinite(embed_features(clusters()[::4])).all()
    with pytest.raises(ValueError, match="at least 4 images, but got 3; show more"):
        embed_features(clusters()[:3])


def test_people_of_most_viewpoints_are_chosen_at_random():
    assert choose_people(INFOS, 3) == [2, 5, 9]
    assert choose_people(INFOS, 4) == choose_people(INFOS, 99) == [2, 3, 5, 9]
    pairs = {tuple(choose_people(INFOS, 2, seed)) for seed in range(20)}
    assert pairs == {(2, 5), (2, 9), (5, 9)}


def pixels(path, bgr):
    return (np.abs(cv2.imread(str(path)).astype(int) - bgr) < 8).all(axis=2).sum()


def test_viewpoints_have_colours_and_the_unknown_are_grey(tmp_path):
    colours = dict(
        front=(180, 119, 31), side=(14, 127, 255), back=(44, 160, 44), unknown=(153, 153, 153)
    )
    places = np.random.default_rng(0).random((len(INFOS), 2))
    plot_embedding([places], INFOS, ["all"], tmp_path / "all.png")
    counts = {name: pixels(tmp_path / "all.png", bgr) for name, bgr in colours.items()}
    assert min(counts.values()) > 50
    unknown = [{**info, "viewpoint": -1} for info in INFOS]
    plot_embedding([places], unknown, ["unknown"], tmp_path / "unknown.png")
    assert pixels(tmp_path / "unknown.png", colours["unknown"]) > 2 * counts["unknown"]


def test_two_models_are_drawn_side_by_side(tmp_path):
    places = np.random.default_rng(0).random((len(INFOS), 2))
    plot_embedding([places], INFOS, ["a"], tmp_path / "one.png")
    plot_embedding([places, places], INFOS, ["a", "x_$y_{$"], tmp_path / "two.png")
    one, two = (cv2.imread(str(tmp_path / f"{name}.png")).shape for name in ("one", "two"))
    assert two == (one[0], 2 * one[1], 3)


def test_places_have_to_fit_the_images(tmp_path):
    with pytest.raises(ValueError, match=r"got 1 titles, 12 images and \[2\] places"):
        plot_embedding([np.zeros((2, 2))], INFOS, ["a"], tmp_path / "out.png")


def test_the_tool_compares_two_checkpoints(tmp_path):
    people = tmp_path / "people"
    make_synthetic(people, num_ids=8, images_per_id=12, num_distractors=4, num_junk=0, seed=1)
    for seed in (0, 1):
        options = write_checkpoint(
            tmp_path / f"{seed}.pth", seed, options=[f"data_root={people}", "num_classes=4"]
        )
    out = tmp_path / "pictures/embedding.png"
    models = [SYNTHETIC, tmp_path / "0.pth", "--compare", SYNTHETIC, tmp_path / "1.pth"]
    tool = "visualization/embedding.py"
    printed = run(tool, *models, "--num-ids", 3, "--out", out, options=options)
    assert "36 images of 3 people" in printed
    height, width, _ = cv2.imread(str(out)).shape
    assert width == 2 * height
