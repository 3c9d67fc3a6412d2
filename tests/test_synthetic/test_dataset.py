import csv
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmvareid.evaluation import rank, stripe_histogram
from mmvareid.synthetic import contact_sheet, make_synthetic
from mmvareid.synthetic.garments import BACK_DESIGNS, FRONT_DESIGNS
from mmvareid.synthetic.people import BACKS, FRONTS, draw_person
from mmvareid.synthetic.photograph import Model, portrait
from mmvareid.synthetic.shots import viewpoint_of, wrap_yaw

SMALL = dict(num_ids=6, images_per_id=8, num_distractors=4, num_junk=4)
NAME = re.compile(r"(?P<pid>-1|\d{4})_c(?P<cam>[1-6])s1_\d{6}_\d{2}\.jpg")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("synthetic") / "people"
    make_synthetic(root, num_ids=48, images_per_id=12, num_distractors=40, num_junk=20, seed=3)
    return root


def people(folder: Path) -> list[tuple[Path, int, int]]:
    """(path, person, camera) of each picture of a folder."""
    found = [(path, NAME.fullmatch(path.name)) for path in sorted(folder.iterdir())]
    return [(path, int(match["pid"]), int(match["cam"])) for path, match in found]


def contents(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def test_same_seed_same_bytes(tmp_path):
    make_synthetic(tmp_path / "a", **SMALL, seed=5)
    np.random.seed(9)
    cv2.setRNGSeed(9)
    counts = make_synthetic(tmp_path / "b", **SMALL, seed=5)
    make_synthetic(tmp_path / "c", **SMALL, seed=6)
    first, second, other = (contents(tmp_path / name) for name in "abc")
    assert first == second
    assert not set(first.values()) & set(other.values())
    assert len(first) == sum(counts.values()) + 2


def test_more_identities_leave_the_others_as_they_are(tmp_path):
    make_synthetic(tmp_path / "few", **SMALL)
    make_synthetic(tmp_path / "more", **{**SMALL, "num_ids": 8})
    few, more = contents(tmp_path / "few"), contents(tmp_path / "more")
    kept = [name for name in few if name.endswith(".jpg") and "/-1_" not in name]
    assert all(few[name] == more[name] for name in kept)


def test_layout_is_that_of_market(root):
    assert {p.name for p in root.iterdir()} == {
        "bounding_box_train", "query", "bounding_box_test", "viewpoints.csv", "identities.csv"
    }  # fmt: skip
    train, query, gallery = (
        people(root / f) for f in ("bounding_box_train", "query", "bounding_box_test")
    )
    train_ids, test_ids = ({pid for _, pid, _ in part} for part in (train, query))
    assert len(train_ids) == len(test_ids) == 24
    assert not train_ids & test_ids
    assert {pid for _, pid, _ in gallery} == test_ids | {0, -1}
    assert sum(pid == 0 for _, pid, _ in gallery) == 40
    assert sum(pid == -1 for _, pid, _ in gallery) == 20
    assert all(cv2.imread(str(path)).shape == (128, 64, 3) for path, _, _ in query + gallery)
    assert len({(pid, cam) for _, pid, cam in query}) == len(query)


def test_every_query_has_a_match_before_another_camera(root):
    gallery = {(pid, cam) for _, pid, cam in people(root / "bounding_box_test")}
    for _, pid, cam in people(root / "query"):
        assert any(p == pid and c != cam for p, c in gallery)


def test_viewpoint_file_covers_all_identities_and_nothing_else(root):
    with (root / "viewpoints.csv").open() as file:
        rows = list(csv.DictReader(file))
    names = [row["filename"] for row in rows]
    assert names == sorted(names)
    every = [path.name for path in root.rglob("*.jpg")]
    assert set(names) == {name for name in every if not name.startswith(("0000_", "-1_"))}
    views: dict[str, set[int]] = {}
    for row in rows:
        yaw = float(row["yaw"])
        assert -180 < yaw <= 180
        assert (int(row["viewpoint"]), row["name"]) == viewpoint_of(yaw)
        views.setdefault(row["filename"][:4], set()).add(int(row["viewpoint"]))
    assert all(seen == {0, 1, 2} for seen in views.values())


@pytest.mark.parametrize(
    "yaw, view",
    [(0, (0, "front")), (-29.99, (0, "front")), (30, (0, "front_side")), (60, (1, "side")),
     (-90, (1, "side")), (119.99, (1, "side")), (120, (2, "back_side")), (-150, (2, "back")),
     (180, (2, "back"))],
)  # fmt: skip
def test_viewpoint_of(yaw, view):
    assert viewpoint_of(yaw) == view


@pytest.mark.parametrize("yaw, wrapped", [(-180, 180), (190, -170), (-190, 170), (540, 180)])
def test_wrap_yaw(yaw, wrapped):
    assert wrap_yaw(yaw) == wrapped


@pytest.mark.parametrize("shares, same, other", [("front", 0, 180), ("back", 180, 0)])
def test_groups_share_one_side(shares, same, other):
    drawn = [draw_person(0, pid) for pid in range(1, 81)]
    groups: dict[str, list[Model]] = {}
    for person in drawn:
        if person.shares == shares:
            groups.setdefault(person.group, []).append(Model.of(person))
    assert groups
    for members in groups.values():
        assert len(members) in (3, 4)
        first = members[0]
        for model in members[1:]:
            pictures = [portrait(m, same, elevation=0, stride=0) for m in (first, model)]
            np.testing.assert_array_equal(*pictures)
            pictures = [portrait(m, other, elevation=0, stride=0) for m in (first, model)]
            assert np.abs(pictures[0] - pictures[1]).max() > 40


def test_more_than_half_are_in_groups():
    share = np.mean([draw_person(1, pid).shares != "none" for pid in range(1, 401)])
    assert 0.45 < share < 0.7


def test_yaw_90_faces_right_and_mirrors_minus_90():
    model = Model.of(draw_person(0, 1))
    right, left = (portrait(model, yaw, phase=0)[..., 3] for yaw in (90, -90))
    brim = np.flatnonzero(right[:24].any(0))
    assert model.person.hair == "cap"
    assert brim.max() - 32 > 1.5 * (32 - brim.min())
    assert np.abs(right.sum(0) - left[:, ::-1].sum(0)).sum() < 0.1 * right.sum()


def test_every_design_is_painted():
    assert set(FRONTS) == set(FRONT_DESIGNS)
    assert set(BACKS) == set(BACK_DESIGNS)


def test_histograms_find_some_but_not_all(root):
    query = people(root / "query")
    gallery = [item for item in people(root / "bounding_box_test") if item[1] != -1]
    features = [
        stripe_histogram([cv2.imread(str(path)) for path, _, _ in part])
        for part in (query, gallery)
    ]
    np.testing.assert_allclose(np.linalg.norm(features[0], axis=1), 1, rtol=1e-5)
    ids, cameras = (
        [np.array([item[i] for item in part]) for part in (query, gallery)] for i in (1, 2)
    )
    ranking = rank(*features, *ids, *cameras)
    assert 15 < ranking.summary()["mAP"] < 50


@pytest.mark.parametrize(
    "options, message",
    [
        (dict(num_ids=2), "num_ids has to be at least 4, but got 2"),
        (dict(num_ids=10_000), "num_ids has to be at most 9999, but got 10000"),
        (dict(images_per_id=5), "images_per_id has to be at least 6, but got 5"),
        (dict(num_cameras=2), "num_cameras has to be at least 3, but got 2"),
        (dict(num_cameras=10), "num_cameras has to be at most 9, but got 10"),
        (dict(num_distractors=-1), "num_distractors has to be at least 0, but got -1"),
        (dict(num_junk=-1), "num_junk has to be at least 0, but got -1"),
        (dict(seed=-1), "seed has to be at least 0, but got -1"),
    ],
)
def test_numbers_that_make_no_sense(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        make_synthetic(tmp_path / "root", **options)
    assert not list(tmp_path.iterdir())


def test_refuses_a_folder_that_holds_something(tmp_path):
    (tmp_path / "mine.txt").write_text("kept")
    with pytest.raises(FileExistsError, match=r"empty or absent.*give another root, or remove"):
        make_synthetic(tmp_path, **SMALL)
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_is_never_half_there(tmp_path):
    def stop(done, total):
        assert total == 6 * 8 + 8
        if done == 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_synthetic(tmp_path / "root", **SMALL, progress=stop)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("where", ["here", "link", "link to nothing"])
def test_a_root_that_cannot_be_replaced_is_filled(tmp_path, monkeypatch, where):
    real, few = tmp_path / "real", dict(num_ids=4, images_per_id=6, num_distractors=0, num_junk=0)
    if where != "link to nothing":
        real.mkdir()
    (tmp_path / "link").symlink_to(real)
    if where == "here":
        monkeypatch.chdir(real)
    make_synthetic("." if where == "here" else tmp_path / "link", **few)
    assert (tmp_path / "link").is_symlink()
    assert sorted(path.name for path in real.iterdir()) == [
        "bounding_box_test", "bounding_box_train", "identities.csv", "query", "viewpoints.csv"
    ]  # fmt: skip
    assert len([*tmp_path.iterdir()]) == 2


def test_contact_sheet():
    sheet = contact_sheet(0, [1, 2, 3], height=64)
    assert sheet.dtype == np.uint8
    assert sheet.shape[1] == 2 * (110 + 5 * 32)
    with pytest.raises(ValueError, match="at least 1 person"):
        contact_sheet(0, [])
