import json
import os
import pickle
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmvareid.datasets import load_viewpoints
from mmvareid.viewpoint.reading import FINE_NAMES, find_viewpoint_file

AUTHORS = {
    "0001_c1s1_001051_00.jpg": (1, "side"),
    "0002_c1s1_001051_00.jpg": (0, "front_side"),
    "0003_c1s1_001051_00.jpg": (2, "back"),
    "0004_c1s1_001051_00.jpg": (1, "noise"),
}
LABELS = {name: label for name, (label, _) in AUTHORS.items()}
BY_FINE_NAME = {
    fine: [name for name, (_, other) in AUTHORS.items() if other == fine] for fine in FINE_NAMES
}


def written(folder: Path, name: str, content: object) -> Path:
    path = folder / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif path.suffix == ".pkl":
        path.write_bytes(pickle.dumps(content))
    else:
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def as_csv(header: str, *rows: str) -> str:
    return "\n".join((header, *rows)) + "\n"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        *((f"{p}.pkl", pickle.dumps(AUTHORS, protocol=p)) for p in range(6)),
        *((f"direction_{p}.pkl", pickle.dumps(BY_FINE_NAME, protocol=p)) for p in range(6)),
        ("labels.json", LABELS),
        ("fine.json", {name: fine for name, (_, fine) in AUTHORS.items()}),
        ("pairs.json", AUTHORS),
        (
            "dicts.json",
            {n: {"viewpoint": v, "name": f, "yaw": 3.5} for n, (v, f) in AUTHORS.items()},
        ),
        ("bom.json", b"\xef\xbb\xbf" + json.dumps(AUTHORS).encode()),
        ("folders.json", {f"a/b\\{name}": value for name, value in AUTHORS.items()}),
        (
            "synthetic.csv",
            as_csv(
                "filename,viewpoint,name,yaw",
                *(f"{n},{v},{f},1.5" for n, (v, f) in AUTHORS.items()),
            ),
        ),
        ("fine.csv", as_csv("image,viewpoint", *(f"{n},{f}" for n, (_, f) in AUTHORS.items()))),
        ("name.csv", as_csv("viewpoint,name", *(f"{v},{n}" for n, v in LABELS.items()))),
    ],
)
def test_formats_say_the_same(tmp_path, name, content):
    assert load_viewpoints(written(tmp_path, name, content)) == LABELS


def test_python_2_pickle(tmp_path):
    # {'0001_c1s1_001051_00.jpg': (2, 'back')} by Python 2.7, whose str is bytes
    data = b"\x80\x02}q\x00U\x170001_c1s1_001051_00.jpgq\x01K\x02U\x04backq\x02\x86q\x03s."
    assert load_viewpoints(written(tmp_path, "py2.pkl", data)) == {"0001_c1s1_001051_00.jpg": 2}


@pytest.mark.parametrize("content", [AUTHORS, BY_FINE_NAME])
def test_noise_is_a_choice(tmp_path, content):
    path = written(tmp_path, "a.pkl", content)
    noisy = "0004_c1s1_001051_00.jpg"
    assert load_viewpoints(path, noise="side") == LABELS
    assert load_viewpoints(path, noise="unknown") == {**LABELS, noisy: -1}
    with pytest.raises(ValueError, match=r"noise has to be 'side' or 'unknown', but got 'drop'"):
        load_viewpoints(path, noise="drop")


def test_more_views_and_unknown_ones(tmp_path):
    labels = {"a.jpg": 7, "b.jpg": -1, "c.jpg": [4, "north_west"]}
    path = written(tmp_path, "a.json", labels)
    assert load_viewpoints(path) == {"a.jpg": 7, "b.jpg": -1, "c.jpg": 4}


class RunsCode:
    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


@pytest.mark.parametrize("protocol", range(6))
def test_pickle_that_runs_code_is_refused(tmp_path, protocol):
    harm = tmp_path / "harm"
    content = {"a.jpg": RunsCode(f"touch {harm}")}
    path = written(tmp_path, "a.pkl", pickle.dumps(content, protocol))
    with pytest.raises(ValueError, match=r"a\.pkl.*refused.*may run any code.*(posix|nt)\.system"):
        load_viewpoints(path)
    assert not harm.exists()


def recursive() -> dict:
    content: dict = {}
    content["a.jpg"] = content
    return content


def doubled(times: int) -> tuple:
    """Tuples of two, each the one before twice: small to write, and endless to hash."""
    content: tuple = ("a",)
    for _ in range(times):
        content = (content, content)
    return content


WHOLE = pickle.dumps(AUTHORS)
DOUBLED_KEY = b"\x80\x02}" + pickle.dumps(doubled(60), 2)[2:-1] + b"K\x01s."
# Of so many names looking for each among all takes minutes.
TWICE = "{" + ", ".join(f'"a{min(i, 49_999)}.jpg": 0' for i in range(50_001)) + "}"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.pkl", b"", "is empty"),
        ("a.json", " \n", "is empty"),
        ("a.pkl", WHOLE[: len(WHOLE) // 2], "has to be a whole pickle"),
        ("a.pkl", b"not a pickle", "has to be a whole pickle"),
        ("a.pkl", b"\x80\x02}r\xff\xff\xff\x7f.", "names none"),  # takes no memory for it
        ("a.pkl", DOUBLED_KEY, "a name in it is no text"),
        ("a.pkl", pickle.dumps({"a.jpg": {1, 2}}), "has to be a whole pickle"),
        ("a.json", TWICE, "a49999.jpg stands there twice"),
        ("a.pkl", [("a.jpg", 0)], "content has to be {image: viewpoint}.* but got a list"),
        ("a.pkl", recursive(), "viewpoint of 'a.jpg' has to be"),
        ("a.pkl", {"a.jpg": 10**6000}, "but got a int too long to print"),
        ("a.pkl", {b"a.jpg": 1}, r"image name has to be .* but got b'a.jpg'"),
        ("a.pkl", {"a/": 1}, r"image name has to be .* but got 'a/'"),
        ("a.pkl", {}, "names none"),
        ("a.json", "{", "has to be valid JSON"),
        ("a.json", "[" * 100_000, "has to be valid JSON"),
        ("a.json", b"\xff\xfe", "has to be valid JSON"),
        ("a.json", '{"a.jpg": 0, "a.jpg": 1}', "a.jpg stands there twice"),
        ("a.json", '{"a.jpg": NaN}', "viewpoint of 'a.jpg' has to be .* but got nan"),
        ("a.json", {"a.jpg": 0.5}, "viewpoint of 'a.jpg' has to be .* but got 0.5"),
        ("a.json", {"a.jpg": True}, "viewpoint of 'a.jpg' has to be .* but got True"),
        ("a.json", {"a.jpg": None}, "viewpoint of 'a.jpg' has to be .* but got None"),
        ("a.json", {"a.jpg": -2}, "viewpoint of 'a.jpg' has to be .* but got -2"),
        ("a.json", {"a.jpg": "left"}, "viewpoint of 'a.jpg' has to be .* but got 'left'"),
        ("a.json", {"a.jpg": {"yaw": 3}}, "viewpoint of 'a.jpg' has to be .* but got {'yaw': 3}"),
        ("a.json", {"a.jpg": [0, 1]}, r"viewpoint of 'a.jpg' has to be .* but got \[0, 1\]"),
        ("a.json", {"x/a.jpg": 0, "y/a.jpg": 1}, "a.jpg has to have one viewpoint.*0 and 1"),
        ("a.json", {"front": ["a.jpg"], "back": ["a.jpg"]}, "a.jpg has to have one viewpoint"),
        ("a.csv", "a.jpg,0\nb.jpg,1\n", r"columns filename and viewpoint, but got \['a.jpg', '0'"),
        ("a.csv", "filename,viewpoint\n", "has to have rows"),
        ("a.csv", "image,name,viewpoint\na,b,0\n", "columns filename and viewpoint"),
        ("a.csv", "filename,viewpoint\na.jpg\n", "row 2 has to have as many fields"),
        ("a.csv", "filename,viewpoint\na.jpg,0,0\n", "row 2 has to have as many fields"),
        ("a.csv", "filename,viewpoint\na.jpg,1.0\n", "viewpoint of 'a.jpg' .* but got '1.0'"),
        ("a.csv", "filename,viewpoint\na.jpg,\n", "viewpoint of 'a.jpg' .* but got ''"),
        ("a.csv", "filename,viewpoint\na.jpg,0\na.jpg,1\n", "has to have one viewpoint"),
        ("a.csv", b"\xff\xfe\x00", "has to be a CSV in UTF-8"),
        ("a.npz", "x", r"has to end in \.pkl, \.json, \.csv, but got .*a\.npz"),
    ],
)
def test_one_clear_error(tmp_path, name, content, message):
    path = written(tmp_path, name, content)
    with pytest.raises(ValueError, match=message) as error:
        load_viewpoints(path)
    assert str(path) in str(error.value)


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"has to be an existing file, but got .*a\.pkl"):
        load_viewpoints(tmp_path / "a.pkl")
    with pytest.raises(FileNotFoundError, match="has to be an existing file"):
        load_viewpoints(tmp_path)


@given(position=st.integers(0, len(WHOLE) - 1), byte=st.integers(0, 255), cut=st.booleans())
def test_damaged_pickle_gives_labels_or_a_declared_error(tmp_path_factory, position, byte, cut):
    data = bytearray(WHOLE[: position + 1] if cut else WHOLE)
    data[position] = byte
    path = tmp_path_factory.getbasetemp() / "damaged.pkl"
    path.write_bytes(data)
    try:
        viewpoints = load_viewpoints(path)
    except ValueError as error:
        assert str(path) in str(error)
    else:
        assert all(isinstance(k, str) and type(v) is int for k, v in viewpoints.items())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=4,
)


@settings(max_examples=50)
@given(content=JSON | st.dictionaries(st.text(min_size=1), JSON))
def test_any_json_gives_labels_or_a_declared_error(tmp_path_factory, content):
    path = written(tmp_path_factory.getbasetemp(), "any.json", json.dumps(content))
    try:
        viewpoints = load_viewpoints(path)
    except ValueError as error:
        assert str(path) in str(error)
    else:
        assert all(type(v) is int and v >= -1 for v in viewpoints.values())


def test_find_viewpoint_file(tmp_path):
    assert find_viewpoint_file(tmp_path) is None
    (tmp_path / "market_image_map_direction_py2.pkl").touch()
    assert find_viewpoint_file(tmp_path) is None
    (tmp_path / "market_image_map_direction.pkl").touch()
    assert find_viewpoint_file(tmp_path).name == "market_image_map_direction.pkl"
    (tmp_path / "viewpoints.csv").touch()
    with pytest.raises(
        ValueError, match=r"needs one .*market_image_map_direction\.pkl, viewpoints\.csv"
    ):
        find_viewpoint_file(tmp_path)
