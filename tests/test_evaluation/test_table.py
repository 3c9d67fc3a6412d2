import dataclasses

import numpy as np
import pytest
import torch

from mmvareid.evaluation import Descriptors, rank
from mmvareid.evaluation.table import sample_row


def arrays(number=20, queries=6):
    rng = np.random.default_rng(0)
    return {
        "features": rng.normal(size=(number, 4)).astype(np.float32),
        "person_id": rng.integers(0, 4, number),
        "camera_id": rng.integers(0, 3, number),
        "is_query": np.arange(number) < queries,
    }


def halves(whole):
    return {
        f"{part}_{name}": whole[name][whole["is_query"] == flag]
        for part, flag in (("query", True), ("gallery", False))
        for name in ("features", "person_id", "camera_id")
    }


def test_rank_is_that_of_its_halves():
    whole = arrays()
    parts = halves(whole)
    expected = rank(
        *(
            parts[f"{part}_{name}"]
            for name in ("features", "person_id", "camera_id")
            for part in ("query", "gallery")
        )
    )
    found = Descriptors.of_arrays(whole).rank()
    np.testing.assert_array_equal(found.ap, expected.ap)
    order = np.random.default_rng(1).permutation(20)  # queries and gallery mixed
    mixed = Descriptors.of_arrays({name: values[order] for name, values in whole.items()}).rank()
    np.testing.assert_array_equal(np.sort(mixed.ap), np.sort(expected.ap))


def test_neighbouring_rows_are_no_copy():
    table = Descriptors.of_arrays(arrays())
    features, _, _ = table.select(np.arange(6, 20))
    assert features.data_ptr() == table.features[6:].data_ptr()


@pytest.mark.parametrize("viewpoint", [None, np.arange(20) % 3])
def test_file_keeps_all(tmp_path, viewpoint):
    whole = arrays() | ({} if viewpoint is None else {"viewpoint": viewpoint})
    table = Descriptors.of_arrays(whole)
    table.save(tmp_path / "a.npz")
    again = Descriptors.load(tmp_path / "a.npz")
    assert torch.equal(again.features, table.features)
    for name in ("persons", "cameras", "viewpoints", "is_query"):
        assert getattr(again, name).tolist() == getattr(table, name).tolist()
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]


def test_halves_are_read_as_one(tmp_path):
    np.savez(tmp_path / "b.npz", **halves(arrays()))
    found = Descriptors.load(tmp_path / "b.npz")
    np.testing.assert_array_equal(found.rank().ap, Descriptors.of_arrays(arrays()).rank().ap)
    assert set(found.viewpoints) == {-1}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"person_id": None}, r"has to hold \['person_id'\], but has only"),
        ({"camera_id": np.zeros(3, int)}, "camera_id of the arrays has to hold a number for each"),
        ({"camera_id": np.array(["a"] * 20)}, "camera_id of the arrays has to hold a number"),
        ({"viewpoint": np.full(20, -2)}, "viewpoint has to be -1 where unknown or from 0 on"),
        ({"is_query": np.full(20, 2)}, "is_query of the arrays has to hold 0 or 1"),
        ({"features": np.zeros((20, 2, 2))}, r"features of the arrays has to be \(N, D\)"),
        ({"features": np.zeros((20, 2), int)}, "and a floating type, but got .* torch.int64"),
        ({"person_id": np.zeros(20)}, "person_id has to hold integers, but got float64"),
        ({"is_query": np.ones(20, bool)}, "20 samples with is_query and 0 without"),
    ],
)
def test_errors(change, message):
    whole = {name: value for name, value in (arrays() | change).items() if value is not None}
    with pytest.raises(ValueError, match=message):
        Descriptors.of_arrays(whole)


def test_a_half_of_the_halves_is_told():
    whole = halves(arrays())
    del whole["gallery_camera_id"]
    with pytest.raises(ValueError, match=r"has to hold \['gallery_camera_id'\]"):
        Descriptors.of_arrays(whole)


def test_halves_that_are_exchanged_are_told():
    whole = halves(arrays())
    names = "query_person_id", "gallery_person_id"
    whole |= dict(zip(names, (whole[name] for name in reversed(names)), strict=True))
    with pytest.raises(ValueError, match="query_person_id of the arrays has to hold a number for"):
        Descriptors.of_arrays(whole)
    whole = halves(arrays())
    whole["query_features"] = whole["query_features"][:, 1:]
    with pytest.raises(ValueError, match="of the arrays have to be of one length"):
        Descriptors.of_arrays(whole)


def test_what_numpy_has_no_type_for_is_saved_as_float32(tmp_path):
    table = Descriptors.of_arrays(arrays())
    half = dataclasses.replace(table, features=table.features.bfloat16())
    half.save(tmp_path / "half.npz")
    found = Descriptors.load(tmp_path / "half.npz").features
    assert found.dtype == torch.float32 and (found == half.features).all()
    assert [path.name for path in tmp_path.iterdir()] == ["half.npz"]


class Bomb:
    def __reduce__(self):
        return (print, ("boom",))


def test_files_that_hold_objects_or_are_cut_off_are_refused(tmp_path, capsys):
    np.savez(tmp_path / "bomb.npz", features=np.array([Bomb()], object))
    with pytest.raises(ValueError, match=r"bomb.npz has to be an .npz file of plain arrays"):
        Descriptors.load(tmp_path / "bomb.npz")
    assert "boom" not in capsys.readouterr().out
    Descriptors.of_arrays(arrays()).save(tmp_path / "a.npz")
    (tmp_path / "cut.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:300])
    with pytest.raises(ValueError, match=r"cut.npz has to be an .npz file"):
        Descriptors.load(tmp_path / "cut.npz")
    with pytest.raises(FileNotFoundError):
        Descriptors.load(tmp_path / "none.npz")
    with pytest.raises(ValueError, match=r"a.npy has to be an .npz file"):
        Descriptors.load(tmp_path / "a.npy")


def test_a_table_of_infos_is_that_of_its_arrays():
    whole = arrays() | {"viewpoint": np.arange(20) % 4 - 1}
    keys = ("person_id", "camera_id", "viewpoint", "is_query")
    infos = [{key: whole[key][i].item() for key in keys} for i in range(20)]
    found = Descriptors.of_infos(whole["features"], infos)
    expected = Descriptors.of_arrays(whole)
    for field in dataclasses.fields(Descriptors):
        np.testing.assert_array_equal(getattr(found, field.name), getattr(expected, field.name))
    assert found.rank().summary() == expected.rank().summary()


def test_a_row_of_a_prediction_has_a_copy_and_says_what_is_lacking():
    batch = torch.ones(2, 3, dtype=torch.float16)
    known = dict(person_id=7, camera_id=2, is_query=True)
    feature, columns = sample_row({"feature": batch[0], **known})
    assert columns == [7, 2, -1, 1]
    assert feature.dtype == torch.float32 and feature.untyped_storage().nbytes() == 3 * 4
    assert sample_row({"feature": batch[0], **known, "viewpoint": 1})[1] == [7, 2, 1, 1]
    with pytest.raises(ValueError, match=r"has to have \['camera_id'\], but got only .*algorithm_"):
        sample_row({"feature": batch[0], "person_id": 7, "is_query": True})
    with pytest.raises(ValueError, match="a prediction has to have a `feature`"):
        sample_row(known)
