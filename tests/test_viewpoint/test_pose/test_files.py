import json
import runpy
import shutil
import sys
from unittest import mock

import cv2
import numpy as np
import pytest
from bodies import bodies
from hypothesis import given, settings
from hypothesis import strategies as st
from small_run import ROOT, run

from mmvareid.datasets import load_viewpoints
from mmvareid.viewpoint import Poses, from_pose, read_poses, write_viewpoints

TOOL = "dataset_converters/viewpoints_from_pose.py"
BODY = [[float(i), 2.0 * i] for i in range(17)]
SCORES = [0.5] * 17


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def openpose(body, scores):
    flat = [value for (x, y), s in zip(body, scores, strict=True) for value in (x, y, s)]
    return {"version": 1.3, "people": [{"person_id": [-1], "pose_keypoints_2d": flat}]}


FORMATS = {
    "openpose": openpose(BODY, SCORES),
    "inferencer": [{"keypoints": BODY, "keypoint_scores": SCORES, "bbox_score": 1.0}],
    "demo": {"meta_info": {}, "instance_info": [{"keypoints": BODY, "keypoint_scores": SCORES}]},
    "by image": {"a": [{"keypoints": BODY, "keypoint_scores": SCORES}]},
    "list": [{"image_id": "a", "keypoints": BODY, "keypoint_scores": SCORES}],
    "coco": {
        "images": [{"id": 7, "file_name": "a"}],
        "annotations": [
            {"image_id": 7, "keypoints": openpose(BODY, SCORES)["people"][0]["pose_keypoints_2d"]}
        ],
    },
}


@pytest.mark.parametrize("name", FORMATS)
def test_formats(name, tmp_path):
    suffix = "_keypoints" if name == "openpose" else ""
    write(tmp_path / f"a{suffix}.json", FORMATS[name])
    for source in (tmp_path, tmp_path / f"a{suffix}.json"):
        poses = read_poses(source)
        assert poses.names == ["a"]
        np.testing.assert_array_equal(poses.points[0, :, :2], BODY)
        np.testing.assert_array_equal(poses.points[0, :, 2], SCORES)


def test_the_surest_of_several_bodies_is_taken_and_nobody_is_counted(tmp_path):
    weak = {"keypoints": [[0, 0]] * 17, "keypoint_scores": [0.1] * 17}
    write(tmp_path / "a.json", [weak, *FORMATS["inferencer"], weak])
    write(tmp_path / "b.json", [])
    poses = read_poses(tmp_path)
    assert poses.names == ["a"] and poses.without_body == ["b"] and poses.with_several == 1
    np.testing.assert_array_equal(poses.points[0, :, :2], BODY)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "a.json' has to be JSON of MMPose or OpenPose"),
        ("3", "it holds a int"),
        ('[{"keypoint": 1}]', "KeyError 'keypoints'"),
        ('[{"keypoints": [[1, 2]]}]', r"bodies of one number of points, of \[14, 17, 18, 25\]"),
        ('{"people": [{"pose_keypoints_2d": [1, 2]}]}', "cannot reshape"),
        ('[{"image_id": 7, "keypoints": []}]', "image_id has to be the image's name, but is 7"),
        (json.dumps([dict(keypoints=[[1, 2, 3]] * 17, keypoint_scores=SCORES)]), r"\(17, 3\)"),
        (json.dumps([dict(keypoints=BODY, keypoint_scores=False)]), r"have a score each, got \(\)"),
    ],
)
def test_other_files_are_refused(content, message, tmp_path):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(ValueError, match=message):
        read_poses(tmp_path)


def test_absent_and_empty(tmp_path):
    with pytest.raises(FileNotFoundError, match="poses has to be an existing file or folder"):
        read_poses(tmp_path / "none")
    with pytest.raises(ValueError, match="has to hold JSON files of body points"):
        read_poses(tmp_path)
    np.savez(tmp_path / "a.npz", names=["a"], points=np.zeros((1, 14, 2)))
    with pytest.raises(ValueError, match="has to hold arrays `names` and `keypoints`"):
        read_poses(tmp_path / "a.npz")


def test_names_without_an_ending_may_hold_a_dot(tmp_path, draw_images):
    draw_images(tmp_path / "set", ["0001_c1.jpg", "0001_c1.2.jpg"])
    with mock.patch.object(sys, "argv", [TOOL]):
        tool = runpy.run_path(str(ROOT / "tools" / TOOL), run_name="tool")
    found = tool["find_images"](tmp_path / "set")
    poses = Poses(["0001_c1.2", "0001_c1"], np.zeros((2, 17, 3)))
    assert tool["match_images"](poses, found, "").names == ["0001_c1.2.jpg", "0001_c1.jpg"]


def test_points_at_zero_without_scores_are_missing(tmp_path):
    body = [[0.0, 0.0], *BODY[1:]]
    np.savez(tmp_path / "a.npz", names=["a"], keypoints=[body])
    write(tmp_path / "a.json", [{"keypoints": body}])
    for name in ("a.npz", "a.json"):
        assert read_poses(tmp_path / name).points[0, :, 2].tolist() == [0] + [1] * 16


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (dict(names=[b"a"], keypoints=np.zeros((1, 14, 2))), r"names \(N,\) of text"),
        (dict(names=["a", "b"], keypoints=np.zeros((1, 14, 2))), r"names \(N,\) of text"),
        (dict(names=["a"], keypoints=np.zeros((1, 13, 2))), r"J one of \[14, 17, 18, 25\]"),
        (dict(names=["a"], keypoints=np.zeros((1, 14, 4))), r"holds \(1, 14, 4\)"),
        (dict(names=["a"], keypoints=np.zeros(1, [("x", float)])), r"but holds .* \(1,\)"),
    ],
)
def test_other_arrays_are_refused(tmp_path, arrays, message):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(ValueError, match=rf"a\.npz' .*{message}"):
        read_poses(tmp_path / "a.npz")


def test_a_damaged_file_of_arrays_is_refused(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", names=["a"], keypoints=np.random.rand(1, 14, 2))
    whole = (tmp_path / "a.npz").read_bytes()
    refused = 0
    for place in range(0, len(whole), 5):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        (tmp_path / "b.npz").write_bytes(damaged)
        try:
            read_poses(tmp_path / "b.npz")
        except ValueError as error:
            assert "b.npz" in str(error)
            refused += 1
    assert refused > 20
    np.save(tmp_path / "c.npy", np.zeros(3))
    (tmp_path / "c.npy").rename(tmp_path / "c.npz")
    with pytest.raises(ValueError, match="has to be an .npz file of plain arrays"):
        read_poses(tmp_path / "c.npz")


@pytest.fixture
def market(tmp_path):
    """Sixty images of 64x128, and the points of the first fifty of them."""
    points, views = bodies(60)
    names = [f"{i:04d}_c1s1_000001_00" for i in range(60)]
    for name in names:
        path = tmp_path / "set/bounding_box_train" / f"{name}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.zeros((128, 64, 3), np.uint8))
    np.savez(tmp_path / "poses.npz", names=names[:50], keypoints=points[:50])
    return tmp_path, names, views


def test_the_tool_writes_what_datasets_read(market):
    root, names, views = market
    out = root / "viewpoints.csv"
    printed = run(TOOL, root / "poses.npz", out, "--images", root / "set")
    assert "60 images" in printed and "0 with nobody, 10 of which nothing is said" in printed
    assert "points outside their image count as missing" in printed
    found = load_viewpoints(out)
    labels = [found[f"{name}.jpg"] for name in names]
    assert labels[50:] == [-1] * 10
    told = np.array(labels[:50]) >= 0
    assert (np.array(labels[:50]) == views[:50])[told].mean() > 0.9
    header = out.read_text().splitlines()[0]
    assert header == "filename,viewpoint,confidence,front,side,back"


def test_the_tool_learns_from_labels_and_counts_what_it_cannot_tell(market):
    root, names, views = market
    points = np.load(root / "poses.npz")["keypoints"]
    folder, out = root / "json", root / "viewpoints.csv"
    for name, body in zip(names, points, strict=False):
        write(folder / f"{name}.json", [{"keypoints": body.tolist()}])
    write(folder / f"{names[50]}.json", [])
    points[0] += 1000  # outside the image
    write(folder / f"{names[0]}.json", [{"keypoints": points[0].tolist()}] * 2)
    (root / f"set/bounding_box_train/{names[1]}.jpg").write_bytes(b"")
    learnt = {f"{names[i]}.jpg": int(views[i]) for i in range(2, 40)}
    labels = write(root / "some.json", learnt)
    printed = run(TOOL, folder, out, "--images", root / "set", "--labels", labels)
    assert "1 images are unreadable" in printed
    assert "1 with nobody, 9 of which nothing is said" in printed
    assert "of 1 images the surest of several" in printed
    found = load_viewpoints(out)
    assert {name: found[name] for name in learnt} == learnt
    assert [found[f"{names[i]}.jpg"] for i in (0, 50, 59)] == [-1] * 3


def test_errors_of_the_tool(market, capsys, draw_images):
    root, _, _ = market
    draw_images(root / "others", ["a.jpg"])
    (root / "other").mkdir()
    again = root / "again"
    shutil.copytree(root / "set", again / "a")
    shutil.copytree(root / "set", again / "b")
    labels = write(root / "labels.json", {"x.jpg": 1})
    poses, out = root / "poses.npz", root / "a.csv"
    for arguments, message in (
        ([poses, out], "--images has to name the folder of the images"),
        ([poses, root / "a.json"], "a.json has to end in .csv"),
        ([poses, out, "--images", root / "other"], "has to hold images, which end in"),
        ([poses, out, "--images", root / "others"], "none of its 50 names"),
        ([poses, out, "--images", again], "images have to differ in name"),
        ([poses, out, "--images", root / "set", "--labels", labels], "such as x.jpg, is one of"),
    ):
        argv = [TOOL, *map(str, arguments)]
        with mock.patch.object(sys, "argv", argv), pytest.raises((SystemExit, ValueError)) as error:
            runpy.run_path(str(ROOT / "tools" / TOOL), run_name="__main__")
        assert message in capsys.readouterr().err + str(error.value)


def test_a_name_stands_in_a_file_once(tmp_path):
    with pytest.raises(ValueError, match=r"but got 1\.jpg 2 times"):
        write_viewpoints(tmp_path / "v.csv", ["1.jpg", "1.jpg"], np.zeros(2), np.eye(3)[:2])
    assert not [*tmp_path.iterdir()]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["people", "instance_info", "annotations", "images", "id", "a.jpg",
                 "keypoints", "keypoint_scores", "pose_keypoints_2d", "image_id", "file_name"]
            ),
            inner | st.lists(st.floats(), min_size=51, max_size=51),
        )
    ),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=100)
@given(content=JSON)
def test_any_json_gives_bodies_or_a_declared_error(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("poses") / "some.json"
    path.write_text(json.dumps(content))
    try:
        poses = read_poses(path)
    except ValueError as error:
        assert "some.json'" in str(error)
        return
    assert poses.points.shape == (len(poses.names), poses.points.shape[1], 3)
    from_pose(poses.points)
