"""Features of any toolbox, scored; what tools/test.py writes, scored again."""

import json

import numpy as np
import pytest
from small_run import error_of, run

from mmvareid.evaluation import Descriptors, Scoring

TOOL = "analysis_tools/eval_features.py"


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    whole = {
        "features": rng.normal(size=(40, 4)),
        "person_id": rng.integers(0, 4, 40),
        "camera_id": rng.integers(0, 3, 40),
    }
    return {
        f"{part}_{name}": values[piece]
        for part, piece in (("query", slice(10)), ("gallery", slice(10, 40)))
        for name, values in whole.items()
    }


def test_an_option_that_is_none_is_told_with_what_was_meant(arrays, tmp_path):
    np.savez(tmp_path / "all.npz", **arrays)
    error = error_of(TOOL, tmp_path / "all.npz", "--options", "rerak=True")
    assert isinstance(error, ValueError)  # which `mmvareid eval-features` makes a line of
    assert "--options does not know 'rerak'; did you mean 'rerank'?" in str(error)


def test_npz_and_npy_give_the_same_figures(arrays, tmp_path):
    np.savez(tmp_path / "all.npz", **arrays)
    for name, values in arrays.items():
        np.save(tmp_path / f"{name}.npy", values)
    expected = Scoring(rerank=dict(k1=4)).score(Descriptors.of_arrays(arrays))
    printed = run(
        TOOL, tmp_path / "all.npz", "--out", tmp_path / "one.json", "--options", "rerank.k1=4"
    )
    assert f"{expected['mAP']:.2f}" in printed and f"{expected['rerank/mAP']:.2f}" in printed
    assert json.loads((tmp_path / "one.json").read_text()) == pytest.approx(expected)
    files = [f"{name}={tmp_path / name}.npy" for name in arrays]
    run(TOOL, *files, "--out", tmp_path / "two.json")
    two = json.loads((tmp_path / "two.json").read_text())
    assert two["mAP"] == pytest.approx(expected["mAP"])


def test_errors(arrays, tmp_path):
    assert "source has to be one .npz file" in str(error_of(TOOL, "a.npy", "b.npy"))
    (tmp_path / "x.npy").write_bytes(b"no array")
    assert "x.npy has to be an .npy file" in str(error_of(TOOL, f"features={tmp_path}/x.npy"))
    del arrays["query_person_id"]
    np.savez(tmp_path / "all.npz", **arrays)
    assert "has to hold ['query_person_id']" in str(error_of(TOOL, tmp_path / "all.npz"))
