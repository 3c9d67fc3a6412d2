import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from small_run import MARKET, SYNTHETIC, error_of, run
from untrained_model import write_checkpoint

from mmvareid.apis import inference_dataloader, select_images
from mmvareid.config import load_config
from mmvareid.datasets import make_synthetic
from mmvareid.evaluation import rank
from mmvareid.registry import DATASETS
from mmvareid.visualization import choose_queries, draw_ranked_lists, ranked_lists
from mmvareid.visualization.ranked_list import Kind
from mmvareid.visualization.ranked_list_picture import (
    COLORS,
    FRAME,
    GAP,
    GROUP_GAP,
    HEIGHT,
    MARGIN,
    TITLE_LINE,
    WIDTH,
)

INFO = dict(person_id=1, camera_id=1, viewpoint=0, is_query=False)


def infos_of(*rows):
    """Infos from (person, camera, is query)."""
    keys = ("person_id", "camera_id", "is_query")
    return [{**INFO, **dict(zip(keys, row, strict=True))} for row in rows]


def random_people(seed, number=60):
    """Features of which many are equal, and infos with distractors and junk."""
    rng = np.random.default_rng(seed)
    infos = infos_of(
        *((int(rng.integers(1, 5)), int(rng.integers(1, 4)), True) for _ in range(9)),
        *((int(rng.integers(-1, 6)), int(rng.integers(1, 4)), False) for _ in range(number)),
    )
    features = rng.normal(size=(12, 8))[rng.integers(0, 12, len(infos))].astype(np.float32)
    return features * rng.choice([1, 2], (len(infos), 1)).astype(np.float32), infos


def listed_one_by_one(features, infos, query, topk, num_ignored):
    """(index, kind) of a sorted gallery, walked down until ``topk`` ranks are taken."""
    me, unit = infos[query], features / np.linalg.norm(features, axis=1, keepdims=True)
    gallery = []
    for i, info in enumerate(infos):
        if not info["is_query"]:
            same = info["person_id"] == me["person_id"]
            kind = Kind.MATCH if same else Kind.OTHER
            if info["person_id"] == -1 or (same and info["camera_id"] == me["camera_id"]):
                kind = Kind.IGNORED
            gallery.append((-round(float(unit[i] @ unit[query]), 5), kind, i))
    found, ranks, ignored = [], 0, 0
    for _, kind, i in sorted(gallery):
        if ranks == topk:
            break
        if kind == Kind.IGNORED:
            ignored += 1
            if ignored > num_ignored:
                continue
        ranks += kind != Kind.IGNORED
        found.append((i, kind))
    return found


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("topk", "num_ignored"), [(1, 0), (5, 2), (10, 60)])
def test_lists_are_those_of_a_walk_down_the_sorted_gallery(seed, topk, num_ignored):
    features, infos = random_people(seed)
    lists = ranked_lists(features, infos, range(9), topk, num_ignored)
    for query, found in enumerate(lists):
        assert found.query == query
        expected = listed_one_by_one(features, infos, query, topk, num_ignored)
        assert list(zip(found.gallery, found.kinds, strict=True)) == expected
        unit = features / np.linalg.norm(features, axis=1, keepdims=True)
        assert found.similarity == pytest.approx(unit[found.gallery] @ unit[query], abs=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_the_first_match_has_the_rank_that_the_evaluation_counts(seed):
    features, infos = random_people(seed)
    ids, cameras = (np.array([info[key] for info in infos]) for key in ("person_id", "camera_id"))
    query = np.arange(len(infos)) < 9
    ranking = rank(
        *(features[query], features[~query], ids[query], ids[~query]),
        *(cameras[query], cameras[~query]),
    )
    lists = ranked_lists(features, infos, range(9), topk=len(infos), num_ignored=0)
    for found, first_hit in zip(lists, ranking.first_hit, strict=True):
        matches = np.flatnonzero(found.kinds == Kind.MATCH)
        assert (matches[0] if len(matches) else -1) == first_hit


def test_lists_take_half_precision_and_short_galleries():
    infos = infos_of((1, 1, True), (1, 1, False), (1, 2, False))
    features = torch.tensor([[1.0, 0], [1, 0], [0, 1]]).half()
    (found,) = ranked_lists(features, infos, [0], topk=5)
    assert found.gallery.tolist() == [1, 2]
    assert found.kinds.tolist() == [Kind.IGNORED, Kind.MATCH]
    assert ranked_lists(features, infos, []) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(topk=0), "topk has to be at least 1 .* but got 0 and 2"),
        (dict(num_ignored=-1), "num_ignored at least 0, but got 5 and -1"),
        (dict(queries=[0, 1]), r"indices of infos with is_query, but got \[1\]"),
        (dict(queries=[-1]), r"indices of infos with is_query, but got \[-1\]"),
        (dict(features=np.ones((1, 2), np.float32)), "but got 1 rows and 2 infos"),
        (dict(infos=infos_of((1, 1, True), (1, 2, True))), "infos has to have a gallery"),
    ],
)
def test_lists_that_cannot_be_made(change, message):
    good = dict(
        features=np.ones((2, 2), np.float32),
        infos=infos_of((1, 1, True), (1, 2, False)),
        queries=[0],
    )
    with pytest.raises(ValueError, match=message):
        ranked_lists(**{**good, **change})


# Queries 1 .. 4 of person 1 have a match; those at 0 and 5 have none.
QUERIES = infos_of((9, 1, True), *[(1, 1, True)] * 4, (2, 1, True), (1, 2, False), (2, 1, False))


def test_queries_are_chosen_by_average_precision_among_those_with_a_match():
    first = np.array([np.nan, 0.1, 0.5, 0.9, 0.7, np.nan])
    second = np.array([np.nan, 0.2, 0.9, 0.8, 0.8, np.nan])
    assert choose_queries(QUERIES, 2, "worst", [first]).tolist() == [1, 2]
    assert choose_queries(QUERIES, 2, "best", [first]).tolist() == [3, 4]
    assert choose_queries(QUERIES, 1, "differ", [first, second]).tolist() == [2]


def test_random_queries_depend_on_the_seed_alone():
    chosen = [tuple(choose_queries(QUERIES, 2, seed=seed)) for seed in range(20)]
    assert chosen == [tuple(choose_queries(QUERIES, 2, seed=seed)) for seed in range(20)]
    assert len(set(chosen)) > 3
    assert {query for pair in chosen for query in pair} == {1, 2, 3, 4}
    assert sorted(choose_queries(QUERIES, 99)) == [1, 2, 3, 4]


def test_queries_that_cannot_be_chosen():
    with pytest.raises(ValueError, match="how has to be one of .*'differ'.*, but got 'luck'"):
        choose_queries(QUERIES, 1, "luck")
    with pytest.raises(ValueError, match=r"aps has to have 2 model\(s\) for 'differ', but got 1"):
        choose_queries(QUERIES, 1, "differ", [np.zeros(6)])
    with pytest.raises(ValueError, match="number has to be at least 1, but got 0"):
        choose_queries(QUERIES, 0)
    with pytest.raises(ValueError, match="its person in the gallery .* none of 1 has"):
        choose_queries(infos_of((1, 1, True), (1, 1, False)), 1)


@pytest.fixture
def people(tmp_path):
    """A query, an ignored image, another person, a match; features in that order of similarity."""
    infos = infos_of((1, 1, True), (1, 1, False), (2, 1, False), (1, 2, False))
    for i, info in enumerate(infos):
        info["img_path"] = str(tmp_path / f"{i}.png")
        cv2.imwrite(info["img_path"], np.full((32, 16, 3), (10 * i, 20 * i, 200), np.uint8))
    return np.array([[1, 0], [1, 0.1], [1, 0.2], [1, 0.3]], np.float32), infos


def test_frames_have_the_colours_of_what_they_hold(people):
    features, infos = people
    lists = ranked_lists(features, infos, [0], topk=5)
    picture = draw_ranked_lists({"Top-5": lists}, infos)
    step = WIDTH + 2 * FRAME + GAP
    first = MARGIN + step - GAP + GROUP_GAP
    assert picture.dtype == np.uint8
    assert picture.shape[1] == first + 3 * step - GAP + MARGIN
    lefts = [MARGIN, *(first + i * step for i in range(3))]
    top = MARGIN + TITLE_LINE
    bottom, right = top + HEIGHT + 2 * FRAME, WIDTH + 2 * FRAME
    edges = [(top + 1, 44), (bottom - 2, 44), (top + 80, 1), (top + 80, right - 2)]
    for y, x in edges:
        row = [tuple(map(int, picture[y, left + x])) for left in lefts]
        assert row == [(0, 0, 0), *(COLORS[k] for k in (Kind.IGNORED, Kind.OTHER, Kind.MATCH))]
    # RGB: the files' red is red, and image 3 keeps its colours.
    assert tuple(picture[top + 80, lefts[3] + 44]) == (200, 60, 30)


def test_two_models_stand_side_by_side_in_as_many_rows_as_queries(people):
    features, infos = people
    one = ranked_lists(features, infos, [0], topk=1, num_ignored=0)
    single = draw_ranked_lists({"A": one}, infos)
    double = draw_ranked_lists({"A": one, "x_$y_{$": one}, infos)
    tall = draw_ranked_lists({"A": one * 3}, infos)
    step = WIDTH + 2 * FRAME
    assert double.shape[1] == single.shape[1] + GROUP_GAP + step
    assert tall.shape[0] - single.shape[0] == 2 * (HEIGHT + 2 * FRAME + 48)
    # The second model's picture is that of the first, moved.
    left, moved = MARGIN + step + GROUP_GAP, GROUP_GAP + step
    y = slice(40, 200)
    assert np.array_equal(
        double[y, left : left + step], double[y, left + moved : left + moved + step]
    )


def test_images_keep_their_shape(people, tmp_path):
    features, infos = people
    cv2.imwrite(infos[3]["img_path"], np.full((10, 50, 3), 7, np.uint8))
    lists = ranked_lists(features, infos, [0], topk=2, num_ignored=0)
    picture = draw_ranked_lists({"": lists}, infos)
    left = MARGIN + 2 * (WIDTH + 2 * FRAME) + GROUP_GAP + GAP + FRAME
    column = (picture[:, left + 50] == 7).all(axis=1)
    assert column.sum() == 19  # 96 wide


def test_pictures_that_cannot_be_drawn(people):
    features, infos = people
    lists = ranked_lists(features, infos, [0])
    for models in ({}, {"A": []}, {"A": lists, "B": lists * 2}):
        with pytest.raises(ValueError, match="has to hold lists of the same queries"):
            draw_ranked_lists(models, infos)
    infos[2]["img_path"] = "/nowhere/2.png"
    with pytest.raises(ValueError, match="can be read, but got '/nowhere/2.png'; copy it again"):
        draw_ranked_lists({"A": lists}, infos)


@pytest.fixture(scope="module")
def tool(tmp_path_factory):
    """Two checkpoints of untrained models, and the options that make them small."""
    root = tmp_path_factory.mktemp("tool")
    make_synthetic(root / "set", num_ids=8, images_per_id=12, num_distractors=5, num_junk=3, seed=1)
    checkpoints = [root / "0.pth", root / "1.pth"]
    for seed, path in enumerate(checkpoints):
        options = write_checkpoint(
            path, seed, options=[f"data_root={root / 'set'}", "num_classes=4"]
        )
    return root, checkpoints, options


def test_the_tool_compares_two_checkpoints_of_one_config(tool, tmp_path):
    root, (one, two), options = tool
    out = tmp_path / "new" / "lists.png"
    printed = run(
        "visualization/ranked_lists.py", SYNTHETIC, one, "--compare", SYNTHETIC, two,
        "--queries", 2, "--topk", 3, "--ignored", 0, "--out", out, options=options,
    )  # fmt: skip
    assert f"2 queries of {len(list((root / 'set/query').iterdir()))}: {out}" in printed
    width = 2 * MARGIN + 7 * (WIDTH + 2 * FRAME) + 4 * GAP + 2 * GROUP_GAP
    assert cv2.imread(str(out)).shape[1] == width


def test_the_tool_tells_what_it_cannot_do(tool, tmp_path, capsys):
    _, (one, _), options = tool
    name, out = "visualization/ranked_lists.py", ("--out", tmp_path / "a.png")
    # Before the checkpoint is read.
    arguments = (SYNTHETIC, tmp_path / "nothing.pth", *out, "--queries", "nobody.jpg")
    assert "names of query images such as" in str(error_of(name, *arguments, options=options))
    for arguments, message in [
        ((*out, "--choose", "differ"), "--choose differ has to have two models"),
        (
            (*out, "--labels", "a", "b"),
            "labels has to hold 1 names that differ, but got ['a', 'b']",
        ),
        (
            (*out, "--compare", SYNTHETIC, one, "--labels", "a", "a"),
            "labels has to hold 2 names that differ, but got ['a', 'a']; give --labels",
        ),
        ((*out, "--compare", SYNTHETIC, one), "labels has to hold 2 names that differ"),
        ((*out, "--topk", "0"), "--topk has to be at least 1, but got 0"),
        ((*out, "--queries", "0"), "--queries has to be at least 1, but got 0"),
        (("--out", tmp_path / "a.txt"), "a.txt has to end in .png or .jpg"),
    ]:
        assert isinstance(error_of(name, SYNTHETIC, one, *arguments), SystemExit)
        assert message in capsys.readouterr().err


def test_images_of_a_copy_of_the_dataset_are_found_by_name(market_root, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(market_root, copy)
    ours, theirs = (
        inference_dataloader(load_config(str(MARKET), {"data_root": str(root)}), "test")
        for root in (market_root, copy)
    )
    dataset = DATASETS.build({**ours["dataset"], "pipeline": []})
    infos = [dataset.get_data_info(i) for i in (4, 0, 2)]
    chosen = DATASETS.build(select_images(theirs, infos)["dataset"])
    found = [chosen.get_data_info(i)["img_path"] for i in range(len(chosen))]
    assert found == [info["img_path"].replace(str(market_root), str(copy)) for info in infos]
    Path(found[0]).unlink()
    with pytest.raises(ValueError, match=r"same images, but got none for .* \(1 such\); set its"):
        select_images(theirs, infos)


@pytest.mark.parametrize("indices", [[4, 0, 2], [1, 3], 3, -3])
def test_images_of_a_part_of_the_dataset_are_its_own(market_root, indices):
    cfg = load_config(str(MARKET), {"data_root": str(market_root)})
    cfg.test_dataloader.dataset.indices = indices
    loader = inference_dataloader(cfg, "test")
    dataset = DATASETS.build({**loader["dataset"], "pipeline": []})
    infos = [dataset.get_data_info(i) for i in range(len(dataset))][::-1]
    chosen = DATASETS.build({**select_images(loader, infos)["dataset"], "pipeline": []})
    found = [chosen.get_data_info(i)["img_path"] for i in range(len(chosen))]
    assert found == [info["img_path"] for info in infos]


def test_a_dataloader_of_training_images_has_the_test_pipeline():
    cfg = load_config(str(MARKET))
    dataset = inference_dataloader(cfg, "train")["dataset"]
    assert dataset["pipeline"] == cfg.test_dataloader.dataset.pipeline
    assert (dataset["split"], dataset["test_mode"]) == ("train", True)
    assert inference_dataloader(cfg, "test") == cfg.test_dataloader
    with pytest.raises(ValueError, match="split has to be 'train' or 'test', but got 'val'"):
        inference_dataloader(cfg, "val")
