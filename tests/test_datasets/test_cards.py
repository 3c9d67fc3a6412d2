from pathlib import Path

import pytest

from mmvareid.datasets import CUHK03, MSMT17, DukeMTMCreID, Market1501

FOLDERS = ("bounding_box_train", "query", "bounding_box_test")
# names of train, query and gallery; their person and camera are 7 and 2, 12 and 1, 12 and 3
NAMES = {
    Market1501: ["0007_c2s1_000451_03.jpg", "0012_c1s6_015971_00.jpg.jpg", "0012_c3s1_7_1_a.png"],
    DukeMTMCreID: ["0007_c2_f0046182.jpg", "0012_c1_f0044158.jpg", "0012_c3_f1.jpg"],
    CUHK03: ["0007_c2_08.jpg", "0012_c1_1.png", "0012_c3_21.png"],
}
UNFIT = {
    Market1501: ["0007_c2_f0046182.jpg", "0007_c2s1_000451.jpg", "x0007_c2s1_000451_03.jpg"],
    DukeMTMCreID: ["0007_c2s1_000451_03.jpg", "-1_c2_f0046182.jpg"],
    CUHK03: ["1_007_1_01.png", "0007_c2_f0046182.jpg"],
}
SUBFOLDERS = {
    Market1501: "Market-1501-v15.09.15",
    DukeMTMCreID: "DukeMTMC-reID",
    CUHK03: "cuhk03-np/detected",
}
CARDS = list(NAMES)


def read(card, root):
    """Return (person, camera, is_query) of the samples of both splits."""
    datasets = [card(root, split, serialize_data=False) for split in ("train", "test")]
    samples = [dataset.get_data_info(i) for dataset in datasets for i in range(len(dataset))]
    return [(s["person_id"], s["camera_id"], s["is_query"]) for s in samples]


EXPECTED = [(7, 2, False), (12, 1, True), (12, 3, False)]


@pytest.mark.parametrize("card", CARDS)
def test_root_or_its_parent(card, tmp_path, draw_images):
    root = tmp_path / SUBFOLDERS[card]
    for folder, name in zip(FOLDERS, NAMES[card], strict=True):
        draw_images(root / folder, [name])
    assert read(card, root) == EXPECTED
    assert read(card, tmp_path) == EXPECTED
    # a viewpoint file in either place is found by its name
    (root / "viewpoints.json").write_text(f'{{"{NAMES[card][0]}": 2}}')
    (tmp_path / "mine.json").write_text(f'{{"{NAMES[card][0]}": 2}}')
    for viewpoint_file in ("auto", "viewpoints.json", "mine.json"):
        dataset = card(tmp_path, viewpoint_file=viewpoint_file, serialize_data=False)
        assert dataset.get_data_info(0)["viewpoint"] == 2

    for folder, name in zip(FOLDERS, NAMES[card], strict=True):
        draw_images(tmp_path / folder, [name])
    with pytest.raises(ValueError, match=f"has to hold one {card.__name__}, but got .* and"):
        card(tmp_path)


@pytest.mark.parametrize(("card", "name"), [(c, name) for c in CARDS for name in UNFIT[c]])
def test_names_of_other_sets(card, name, tmp_path, draw_images):
    draw_images(tmp_path / "bounding_box_train", [*NAMES[card], name])
    with pytest.raises(ValueError, match=rf"{card.__name__} have to look like .*but got {name}"):
        card(tmp_path)


def test_subsets_of_cuhk03(tmp_path, draw_images):
    for subset, person in (("detected", 7), ("labeled", 8)):
        draw_images(
            tmp_path / "cuhk03-np" / subset / "bounding_box_train", [f"000{person}_c1_1.png"]
        )
    for root in (tmp_path, tmp_path / "cuhk03-np"):
        assert CUHK03(root).get_data_info(0)["person_id"] == 7
        assert CUHK03(root, subset="labeled").get_data_info(0)["person_id"] == 8
    with pytest.raises(ValueError, match="subset has to be 'detected' or 'labeled', but got 'x'"):
        CUHK03(tmp_path, subset="x")


def test_public_counts():
    # of the papers; train and gallery of Market-1501 without junk
    assert Market1501.public_counts["gallery"] == (19732 - 3819, 750)
    assert sum(DukeMTMCreID.public_counts[p][0] for p in ("train", "query", "gallery")) == 36411
    for subset, total in (("detected", 14097), ("labeled", 14096)):
        card = CUHK03("/nowhere", subset=subset, lazy_init=True)
        assert sum(images for images, _ in card.public_counts.values()) == total
    assert sum(images for images, _ in MSMT17.public_counts.values()) == 126441


@pytest.fixture(params=[1, 2])
def msmt_root(request, tmp_path, draw_images):
    """An MSMT17 of version 1 or 2: people 0 and 1 to train, others of the same ids to test."""
    root = tmp_path / f"MSMT17_V{request.param}"
    train, test = {1: ("train", "test"), 2: ("mask_train_v2", "mask_test_v2")}[request.param]
    lists = {
        (train, "list_train.txt"): [(0, 1), (1, 14)],
        (train, "list_val.txt"): [(0, 2)],
        (test, "list_query.txt"): [(0, 3)],
        (test, "list_gallery.txt"): [(1, 5), (0, 4)],
    }
    for (folder, name), images in lists.items():
        lines = []
        for person, camera in images:
            image = f"{person:04d}_000_{camera:02d}_0303morning_0015_0.jpg"
            draw_images(root / folder / f"{person:04d}", [image])
            lines.append(f"{person:04d}/{image} {person}\n")
        (root / name).write_text("".join(lines))
    return root


def test_msmt17(msmt_root):
    # train and val lists together; person 0 is no distractor
    expected = [(0, 1, False), (0, 2, False), (1, 14, False)]
    expected += [(0, 3, True), (0, 4, False), (1, 5, False)]
    assert read(MSMT17, msmt_root) == expected
    assert read(MSMT17, msmt_root.parent) == expected


def test_msmt17_list_of_a_missing_image(msmt_root):
    path = msmt_root / "list_query.txt"
    path.write_text(path.read_text() + "\n0007/0007_000_03_0303morning_0015_0.jpg 7\n")
    MSMT17(msmt_root)
    with pytest.raises(FileNotFoundError, match=r"list_query\.txt .*0007_000_03.*\(1 such\)"):
        MSMT17(msmt_root, "test")


@pytest.mark.parametrize("line", ["0000/0000_000_01_a.jpg", "0000/c1.jpg 0", "0_0_1_a.jpg -1"])
def test_msmt17_line_that_does_not_fit(msmt_root, line):
    path = msmt_root / "list_val.txt"
    path.write_text(f"\n{line}\n")
    with pytest.raises(ValueError, match=rf"have to look like .*but got '{line}' in line 2 of"):
        MSMT17(msmt_root)


def test_msmt17_without_a_list_or_folder(msmt_root):
    (msmt_root / "list_val.txt").rename(msmt_root / "list_val.bak")
    with pytest.raises(FileNotFoundError, match=r"MSMT17 train needs the list .*list_val\.txt"):
        MSMT17(msmt_root)
    for folder in msmt_root.glob("*test*/"):
        folder.rename(msmt_root / "elsewhere")
    with pytest.raises(
        FileNotFoundError, match=r"MSMT17 test needs one of the folders test .* 0 of"
    ):
        MSMT17(msmt_root, "test")


def test_multi_query_takes_the_drawn_boxes_of_the_queries(market_root, draw_images):
    asked = [
        f"{person:04d}_c{c}s1_00010{i}_00.jpg" for person in (1, 3) for c in (1, 2) for i in (0, 5)
    ]
    others = ["0001_c3s1_000200_00.jpg", "0009_c1s1_000100_00.jpg"]
    draw_images(market_root / "gt_bbox", [*asked, *others])
    plain = Market1501(market_root, split="test")
    dataset = Market1501(market_root, split="test", multi_query=True)
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    queries = [info for info in infos if info["is_query"]]
    assert [Path(info["img_path"]).name for info in queries] == sorted(asked)
    assert len(infos) - len(queries) == len(plain) - 4
    with pytest.raises(ValueError, match="multi_query has to be False, since DukeMTMCreID has no"):
        DukeMTMCreID(market_root, split="test", multi_query=True)
