import json
import pickle
import shutil
import struct
from unittest import mock

import cv2
import numpy as np
import pytest
from mmengine.dataset import ConcatDataset

from mmvareid.datasets import IdentitySampler, Market1501, ReIDDataset, dataset_infos
from mmvareid.fileio.images import decodes, read_whole
from mmvareid.registry import DATASETS

PIPELINE = [
    {"type": "LoadImageFromFile"},
    {"type": "Resize", "scale": (8, 16)},
    {"type": "PackInputs", "algorithm_keys": ("person_id", "camera_id", "viewpoint", "is_query")},
]


def test_samples_of_the_train_split(market_root):
    dataset = Market1501(market_root, viewpoint_file="auto", serialize_data=False)
    assert dataset.data_list[0] == {
        "img_path": str(market_root / "bounding_box_train" / "0002_c1s1_000000_00.jpg"),
        "gt_label": 0,
        "person_id": 2,
        "camera_id": 1,
        "viewpoint": 0,
        "is_query": False,
    }
    assert [d["gt_label"] for d in dataset.data_list] == [0] * 6 + [1] * 4 + [2] * 3
    assert [d["person_id"] for d in dataset.data_list] == [2] * 6 + [7] * 4 + [11] * 3
    assert [d["viewpoint"] for d in dataset.data_list] == [i % 3 for i in range(13)]
    paths = [d["img_path"] for d in dataset.data_list]
    assert paths == sorted(paths)
    assert dataset.metainfo == {"dataset_name": "Market1501", "classes": ("2", "7", "11")}


def test_samples_of_the_test_split(market_root):
    dataset = Market1501(market_root, "test", "viewpoints.json", serialize_data=False)
    samples = dataset.data_list
    assert dataset.test_mode
    assert [d["is_query"] for d in samples] == [True] * 4 + [False] * 7
    # junk is gone, distractors stay, labels are numbered from the sorted ids 0, 1, 3
    assert [d["person_id"] for d in samples] == [1, 1, 3, 3, 0, 0, 0, 1, 1, 3, 3]
    assert [d["gt_label"] for d in samples] == [1, 1, 2, 2, 0, 0, 0, 1, 1, 2, 2]
    assert [d["camera_id"] for d in samples] == [1, 2, 1, 2, 1, 2, 3, 3, 4, 3, 4]
    assert [d["viewpoint"] == -1 for d in samples] == [False] * 4 + [True] * 3 + [False] * 4


@pytest.mark.parametrize("serialize", [True, False])
def test_pipeline_of_mmpretrain(market_root, serialize):
    dataset = DATASETS.build(
        {
            "type": "mmvareid.Market1501",
            "data_root": str(market_root),
            "viewpoint_file": "auto",
            "pipeline": PIPELINE,
            "serialize_data": serialize,
            "lazy_init": True,
        }
    )
    dataset.full_init()
    sample = dataset[7]
    assert tuple(sample["inputs"].shape) == (3, 16, 8)
    assert sample["data_samples"].gt_label.tolist() == [1]
    assert sample["data_samples"].person_id == 7
    assert sample["data_samples"].viewpoint == 1
    assert len(ConcatDataset([dataset, dataset])) == 26


def test_lazy_init_does_not_touch_the_disk():
    dataset = Market1501("/nowhere", lazy_init=True)
    with pytest.raises(FileNotFoundError, match="'/nowhere' does not exist"):
        dataset.full_init()


def test_own_data_needs_only_person_and_camera(market_root, log):
    for name in ("bounding_box_train", "query", "bounding_box_test"):
        for path in (market_root / name).glob("*.jpg"):
            path.rename(path.with_name(path.name.replace("s1_", "_frame-")))
    dataset = ReIDDataset(market_root)
    assert dataset.get_data_info(12)["person_id"] == 11
    assert not [line for line in log if line.startswith("WARNING")]


def test_log_line_of_counts(market_root, log):
    Market1501(market_root, viewpoint_file="auto")
    Market1501(market_root, "test")
    infos = [line for line in log if line.startswith("INFO")]
    assert infos == [
        "INFO Market1501 train: 13 images of 3 people, 3 cameras, 0 distractors, 0 junk dropped; "
        "viewpoint known for 13 of 13 train images (0 unknown = -1; viewpoints.json); 1 others "
        "left out: bounding_box_train/Thumbs.db",
        "INFO Market1501 test: 4 queries of 2 people and 7 gallery images of 2 people, 4 cameras, "
        "3 distractors, 2 junk dropped; viewpoint known for 0 of 11 test images (11 unknown = -1; "
        "no viewpoint_file)",
    ]


def test_one_warning_of_counts_unlike_the_public_set(market_root, log):
    Market1501(market_root)
    Market1501(market_root, "test")
    assert [line for line in log if line.startswith("WARNING")] == [
        "WARNING Market1501 train: found 13 images of 3 people, the public set has 12936 of 751; "
        "fine for your own data",
        "WARNING Market1501 test: found 4 queries of 2 people and 7 gallery images of 2 people, "
        "the public set has 3368 of 750 and 15913 of 750; fine for your own data",
    ]


def test_viewpoints_default_to_unknown(market_root):
    dataset = Market1501(market_root)
    assert {dataset.get_data_info(i)["viewpoint"] for i in range(13)} == {-1}


def test_partial_viewpoints(market_root, log, tmp_path):
    path = tmp_path / "few.json"
    path.write_text(json.dumps({"some/folder/0007_c1s1_000000_00.jpg": 2, "other.jpg": 0}))
    dataset = Market1501(market_root, viewpoint_file=path)
    assert [dataset.get_data_info(i)["viewpoint"] for i in range(13)] == [-1] * 6 + [2] + [-1] * 6
    assert "viewpoint known for 1 of 13 train images (12 unknown = -1; few.json)" in log[0]


def test_noise_is_passed_on(market_root):
    names = {"0002_c1s1_000000_00.jpg": (1, "noise")}
    (market_root / "noise.pkl").write_bytes(pickle.dumps(names))
    labels = [
        Market1501(market_root, viewpoint_file="noise.pkl", noise=noise).get_data_info(0)
        for noise in ("side", "unknown")
    ]
    assert [label["viewpoint"] for label in labels] == [1, -1]


def test_auto_without_a_file(market_root, log):
    (market_root / "viewpoints.json").unlink()
    Market1501(market_root, viewpoint_file="auto")
    warnings = [line for line in log if "L_v" in line]
    assert len(warnings) == 1
    assert "no viewpoints (none in" in warnings[0]
    assert "loss L_v will be zero; give viewpoint_file=" in warnings[0]
    log.clear()
    Market1501(market_root, "test", viewpoint_file="auto")
    assert not [line for line in log if "L_v" in line]


def test_auto_with_a_file_of_other_images(market_root, log):
    (market_root / "viewpoints.json").write_text('{"other.jpg": 1}')
    Market1501(market_root, viewpoint_file="auto")
    assert [line for line in log if "viewpoints.json' names no train image" in line]


def test_auto_with_several_files(market_root):
    (market_root / "viewpoints.csv").touch()
    with pytest.raises(ValueError, match=r"'auto' needs one .*viewpoints\.csv, viewpoints\.json"):
        Market1501(market_root, viewpoint_file="auto")


def test_named_file_of_other_images_is_an_error(market_root):
    (market_root / "other.json").write_text('{"x.jpg": 1, "y.jpg": 2}')
    message = r"none of the 2 names in '.*other\.json', such as x\.jpg, .*0002_c1s1_000000_00\.jpg"
    with pytest.raises(ValueError, match=message):
        Market1501(market_root, viewpoint_file="other.json")
    with pytest.raises(FileNotFoundError, match=r"has to be an existing file.*market/gone\.json"):
        Market1501(market_root, viewpoint_file="gone.json")


def test_testing_needs_no_viewpoint_file_and_none_of_its_images(market_root):
    (market_root / "train_only.json").write_text('{"0002_c1s1_000000_00.jpg": 1}')
    for name in ("train_only.json", "gone.json"):
        dataset = Market1501(market_root, "test", viewpoint_file=name)
        assert {dataset.get_data_info(i)["viewpoint"] for i in range(len(dataset))} == {-1}


def test_unknown_split(market_root):
    with pytest.raises(ValueError, match="split has to be 'train' or 'test', but got 'val'"):
        Market1501(market_root, "val")


def test_unknown_argument(market_root):
    with pytest.raises(TypeError, match="unexpected keyword argument 'spilt'"):
        Market1501(market_root, spilt="train")


def test_missing_root_and_folders(market_root):
    with pytest.raises(FileNotFoundError, match="needs bounding_box_train, query, bounding_box_te"):
        Market1501(market_root.parent)
    shutil.rmtree(market_root / "query")
    Market1501(market_root)  # does not need it
    with pytest.raises(FileNotFoundError, match=r"needs the folder '.*query'.*holds bounding_box"):
        Market1501(market_root, "test")


def test_empty_folder(market_root):
    for path in (market_root / "bounding_box_train").iterdir():
        path.unlink()
    with pytest.raises(ValueError, match=r"needs images in '.*bounding_box_train', but got none"):
        Market1501(market_root)


def test_endings_of_any_kind_are_read_and_what_is_left_out_is_named(market_root, log):
    folder = market_root / "bounding_box_train"
    for i, ending in enumerate((".webp", ".tif", ".JPG", ".ppm")):
        draw = np.full((16, 8, 3), 40 * i, np.uint8)
        assert cv2.imwrite(str(folder / f"0002_c1s1_00100{i}_00{ending.lower()}"), draw)
    (folder / "0002_c1s1_001002_00.jpg").rename(folder / "0002_c1s1_001002_00.JPG")
    (folder / "0002_c9s1_000000_00.jpg").mkdir()  # a folder of an image's name
    (folder / ".hidden.jpg").write_bytes(b"")
    dataset = ReIDDataset(market_root, pipeline=[dict(type="mmvareid.DecodeImage")])
    assert len(dataset) == 17
    assert all(item["img"].shape == (16, 8, 3) for item in dataset)
    (line,) = [line for line in log if "left out" in line]
    assert line.endswith(
        "2 others left out: bounding_box_train/0002_c9s1_000000_00.jpg/, "
        "bounding_box_train/Thumbs.db"
    )


@pytest.mark.parametrize(
    ("names", "ids"),
    [(("0002", "0007", "-1"), [2, 7]), (("carol", "ann", "0002"), [1, 2, 3])],
)
def test_a_folder_for_each_person(tmp_path, draw_images, names, ids, log):
    for part in ("bounding_box_train", "query", "bounding_box_test"):
        for name in names:
            draw_images(tmp_path / part / name, ["c1_0.jpg", "x_c2.png"])
        (tmp_path / part / names[0] / "notes.txt").write_text("")
    with pytest.raises(ValueError, match=r"got none of a person, only .*set person_folders=True"):
        ReIDDataset(tmp_path)
    train, test = (ReIDDataset(tmp_path, split, person_folders=True) for split in ("train", "test"))
    assert sorted({info["person_id"] for info in dataset_infos(train)}) == ids
    assert {info["person_id"] for info in dataset_infos(test)} == {*ids}
    assert {info["camera_id"] for info in dataset_infos(train)} == {1, 2}
    assert f"1 others left out: bounding_box_train/{names[0]}/notes.txt" in log[-2]
    draw_images(tmp_path / "query" / names[0], ["me.jpg"])
    with pytest.raises(ValueError, match=r"have to tell the camera.*but got .*me\.jpg"):
        ReIDDataset(tmp_path, "test", person_folders=True)


@pytest.mark.parametrize("name", [f"{2**63}_c1.jpg", f"1_c{2**63}.jpg"])
def test_an_id_beyond_64_bits_is_refused_before_any_work(market_root, draw_images, name):
    draw_images(market_root / "bounding_box_test", [name])
    with pytest.raises(ValueError, match="have to be below 2\\*\\*63, but got .*c"):
        ReIDDataset(market_root, "test")


def test_name_that_does_not_fit(market_root):
    image = market_root / "bounding_box_train" / "0002_c1s1_000000_00.jpg"
    for name in ("me.jpg", "you.PNG"):
        shutil.copy(image, image.with_name(name))
    message = r"look like 0002_c1s1_000451_03\.jpg .*but got me\.jpg \(2 such in '.*train'\)"
    with pytest.raises(ValueError, match=message):
        Market1501(market_root)


def test_distractors_are_in_the_gallery_only(market_root):
    image = market_root / "query" / "0001_c1s1_000100_00.jpg"
    shutil.copy(image, image.with_name("0000_c1s1_000100_00.jpg"))
    with pytest.raises(ValueError, match=r"person 0 marks distractors.*0000_c1s1.*\(1 such\)"):
        Market1501(market_root, "test")


def damage(path, how):
    if how == "missing":
        path.unlink()
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "text":
        path.write_bytes(b"no image")
    elif how == "cut off":
        path.write_bytes(path.read_bytes()[:-20])
    elif how == "absurd size":
        header = struct.pack(
            "<2sIIIIiiHHIIiiII", b"BM", 99, 0, 54, 40, 2**30, 2**30, 1, 24, *[0] * 6
        )
        path.write_bytes(header)
    elif how == "png cut off":
        data = cv2.imencode(".png", cv2.imread(str(path)))[1].tobytes()
        path.write_bytes(data[: len(data) // 2])


DAMAGES = ["missing", "empty", "text", "cut off", "png cut off", "absurd size"]


@pytest.mark.parametrize("how", DAMAGES)
def test_unreadable_image_is_replaced_in_training(market_root, log, how):
    dataset = Market1501(market_root, pipeline=PIPELINE)
    damage(market_root / "bounding_box_train" / "0007_c1s1_000000_00.jpg", how)
    log.clear()
    taken = [dataset[6]["data_samples"] for _ in range(20)]
    assert {sample.person_id for sample in taken} == {7}
    assert len({sample.img_path for sample in taken}) > 1
    assert len(log) == 1  # once a file
    assert "0007_c1s1_000000_00.jpg' is missing, cut off or no image" in log[0]
    assert dataset.unreadable.sum() == 1


def test_person_without_a_readable_image(market_root):
    dataset = Market1501(market_root, pipeline=PIPELINE)
    for path in (market_root / "bounding_box_train").glob("0011_*"):
        path.unlink()
    assert dataset[12]["data_samples"].person_id in (2, 7)


def test_images_of_which_none_can_be_read_are_told_at_the_first(market_root):
    dataset = Market1501(market_root, pipeline=PIPELINE)
    paths = sorted((market_root / "bounding_box_train").glob("*.jpg"))
    for path in paths[1:]:
        path.write_bytes(b"")
    assert all(dataset[i]["data_samples"].person_id == 2 for i in (12, 3))
    paths[0].write_bytes(b"")
    with pytest.raises(ValueError, match=r"none of 13 can, such as .*0011_.*verify_dataset"):
        dataset[12]


def test_labels_are_looked_up_once_and_anew_for_a_subset(market_root):
    dataset = Market1501(market_root, pipeline=PIPELINE)
    for path in (market_root / "bounding_box_train").glob("0011_*"):
        path.unlink()
    with mock.patch.object(
        Market1501, "get_gt_labels", autospec=True, side_effect=Market1501.get_gt_labels
    ) as asked:
        assert [
            dataset[i]["data_samples"].person_id for i in (10, 11, 12)
        ] and asked.call_count == 1
        some = dataset.get_subset([12, 0])
        assert some[0]["data_samples"].person_id == 2 and asked.call_count == 2


def test_batches_stay_whole(market_root):
    dataset = Market1501(market_root, pipeline=PIPELINE)
    damage(market_root / "bounding_box_train" / "0002_c1s1_000000_00.jpg", "cut off")
    sampler = IdentitySampler(dataset, num_identities=3, num_instances=2, seed=0)
    for index in sampler:
        assert dataset[index]["data_samples"].gt_label == dataset.get_data_info(index)["gt_label"]


@pytest.mark.parametrize("how", DAMAGES)
def test_unreadable_image_is_an_error_in_testing(market_root, how):
    dataset = Market1501(market_root, "test", pipeline=PIPELINE)
    damage(market_root / "query" / "0001_c1s1_000100_00.jpg", how)
    message = r"has to be readable, but '.*0001_c1s1_000100_00\.jpg' is missing, cut off or no im"
    with pytest.raises(ValueError, match=message):
        dataset[0]


def test_errors_of_the_pipeline_are_raised(market_root):
    def broken(results):
        raise KeyError("a mistake in a transform")

    with pytest.raises(KeyError, match="a mistake in a transform"):
        Market1501(market_root, pipeline=[broken])[0]


@pytest.mark.parametrize("seed", range(5))
def test_what_follows_the_end_of_a_whole_jpeg_does_not_matter(market_root, seed):
    path = market_root / "bounding_box_train" / "0002_c1s1_000000_00.jpg"
    data = path.read_bytes()
    film = np.random.default_rng(seed).integers(0, 256, 200_000, np.uint8).tobytes()
    path.write_bytes(data + film + b"\xff\xda\x00\x0c")
    assert read_whole(str(path)) is not None
    path.write_bytes(data[:-20])
    assert read_whole(str(path)) is None


def test_what_is_whole(market_root):
    path = market_root / "bounding_box_train" / "0002_c1s1_000000_00.jpg"
    data = path.read_bytes()
    assert read_whole(str(path)) == path.read_bytes()
    path.write_bytes(data + b"\0" * 100)  # padding after the end
    assert read_whole(str(path)) == path.read_bytes()
    thumbnail = b"\xff\xe1\x00\x08\xff\xd8\xff\xda\xff\xd9"  # a JPEG within the JPEG's header
    for end in np.linspace(1, len(data) - 1, 50, dtype=int):
        path.write_bytes(data[:2] + thumbnail + data[2:end])
        cut = read_whole(str(path))
        assert cut is None or not decodes(cut)
