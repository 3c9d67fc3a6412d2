import csv
import json
import pickle
import shutil

import numpy as np
import pytest
from small_run import error_of, run

from mmvareid.datasets import load_viewpoints, make_synthetic
from mmvareid.viewpoint.audit import audit_viewpoints, confusion
from mmvareid.viewpoint.reading import load_fine_viewpoints

SAMPLES = [
    dict(name=f"{i}.jpg", person_id=person, camera_id=camera)
    for i, (person, camera) in enumerate([(1, 1), (1, 2), (2, 1), (2, 1), (3, 2)])
]


def test_counts():
    file = {"0.jpg": (0, None), "1.jpg": (2, "back"), "2.jpg": (0, "noise"), "3.jpg": (-1, None)}
    found = audit_viewpoints(file, SAMPLES, 3)
    assert (found.images, found.unlisted, found.unknown, found.people) == (5, 1, 1, 3)
    assert found.noise == 1
    assert {camera: counts.tolist() for camera, counts in found.by_camera.items()} == {
        1: [2, 0, 0],
        2: [0, 0, 1],
    }
    assert found.lacking.tolist() == [1, 3, 2]


def test_confusion_counts_what_both_know():
    first = {"a": 0, "b": 1, "c": -1, "d": 2, "e": 2}
    second = {"a": 0, "b": 2, "c": 1, "d": -1, "f": 0}
    np.testing.assert_array_equal(confusion(first, second, 3), [[1, 0, 0], [0, 0, 1], [0, 0, 0]])


def test_the_tools_convert_and_audit(tmp_path):
    root = tmp_path / "set"
    make_synthetic(root, num_ids=4, images_per_id=8, num_distractors=3, num_junk=0, seed=0)
    out = tmp_path / "copy.csv"
    pickled = tmp_path / "authors.pkl"
    fine = load_fine_viewpoints(root / "viewpoints.csv")
    pickled.write_bytes(pickle.dumps(fine))
    printed = run("dataset_converters/convert_viewpoints.py", pickled, out)
    viewpoints = load_viewpoints(out)
    assert load_fine_viewpoints(out) == fine
    assert viewpoints == load_viewpoints(root / "viewpoints.csv")
    assert f"{len(viewpoints)} images" in printed
    assert next(csv.reader(out.open())) == ["filename", "viewpoint", "name"]
    printed = run(
        "analysis_tools/audit_viewpoints.py", out, "--dataset", "SyntheticPeople", root,
        "--against", root / "viewpoints.csv", "--out", tmp_path / "new/audit.json",
    )  # fmt: skip
    assert "16 images, 0 of them not in the file, 0" in printed
    assert "of 2 people lack it" in printed and "100.00 % alike" in printed
    assert "viewpoint known for" not in printed
    report = json.loads((tmp_path / "new/audit.json").read_text())
    assert sum(report["views"].values()) == len(viewpoints)
    assert np.trace(report["confusion"]) == len(viewpoints)
    assert report["train"]["images"] == 16 and len(report["train"]["lacking"]) == 3
    assert report["train"]["by_camera"] and np.trace(report["confusion"]) > 0

    shutil.rmtree(root / "query")
    printed = run("analysis_tools/audit_viewpoints.py", out, "--dataset", "SyntheticPeople", root)
    assert "SyntheticPeople test is left out" in printed and "train: images by view" in printed


class Hostile:
    def __reduce__(self):
        return eval, ("open('pwned', 'w')",)


@pytest.mark.parametrize("tool", ["dataset_converters/convert", "analysis_tools/audit"])
def test_a_pickle_that_would_run_code_is_refused(tool, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "bad.pkl"
    path.write_bytes(pickle.dumps({"a.jpg": Hostile()}))
    out = [tmp_path / "out.csv"] if "convert" in tool else []
    error = error_of(f"{tool}_viewpoints.py", path, *out)
    assert "refused, since a pickle that needs a class may run any code" in str(error)
    assert [found.name for found in tmp_path.iterdir()] == ["bad.pkl"]
