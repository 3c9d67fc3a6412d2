"""What is fuzzed: inputs, who reads them, and the errors that the reader declares.

A target draws an input and hands it to a reader. The reader takes it, or raises one of the declared
errors; for a file, the message names it. Anything else fails the test.
"""

import io
import itertools
import json
import pickle
import re
import shutil
import string
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from hypothesis import strategies as st

import mmvareid.models  # noqa: F401
from mmvareid.apis import Gallery
from mmvareid.config import load_config
from mmvareid.datasets import (
    CUHK03,
    MSMT17,
    DukeMTMCreID,
    IdentitySampler,
    Market1501,
    ReIDDataset,
    load_viewpoints,
)
from mmvareid.evaluation.scores.scoring import Scoring
from mmvareid.evaluation.table import Descriptors
from mmvareid.fileio.arrays import load_arrays
from mmvareid.fileio.checkpoints import load_checkpoint_safely
from mmvareid.fileio.images import UnreadableImageError, read_image
from mmvareid.registry import MODELS
from mmvareid.viewpoint import read_poses
from mmvareid.viewpoint.soft import load_soft_viewpoints


@dataclass(frozen=True)
class Target:
    """``read(folder, input)`` gets a folder of its own, which is empty each time."""

    inputs: st.SearchStrategy
    read: Callable[[Path, Any], Any]
    declared: tuple[type[Exception], ...] = (ValueError,)


def accepts(target: Target, folder: Path, value: Any) -> bool:
    """Whether the reader takes an input; raises what it does not declare."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        target.read(folder, value)
    except target.declared as error:
        assert str(error), "an error says nothing"
        return False
    return True


def reads(name: str, load: Callable[[str], Any]) -> Callable[[Path, bytes], None]:
    """A reader of one file, whose errors have to name it."""

    def read(folder: Path, data: bytes) -> None:
        path = folder / name
        path.write_bytes(data)
        try:
            load(str(path))
        except ValueError as error:
            assert name in str(error), f"the file is not named: {error}"
            raise

    return read


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """A file in which some bytes are others, lost, repeated or more."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(1, 6))):
        place = draw(st.integers(0, len(data)))
        match draw(st.sampled_from(["change", "insert", "cut", "lose", "repeat"])):
            case "change" if place < len(data):
                data[place] = draw(st.integers(0, 255))
            case "insert":
                data[place:place] = draw(st.binary(max_size=8))
            case "cut":
                del data[place:]
            case "lose":
                del data[place : place + draw(st.integers(1, 32))]
            case "repeat":
                data[place:place] = data[place : place + draw(st.integers(1, 32))]
    return bytes(data)


VIEWS = ["front", "front_side", "side", "back_side", "back", "noise"]
NAMES = st.sampled_from(["a.jpg", "0002_c1s1_000451_03.jpg", "x/b.png", "", "ü.jpg"]) | st.text()
NUMBERS = st.integers() | st.floats() | st.sampled_from([0, 1, 2, -1, 360, 10**400])
PLAIN = st.none() | st.booleans() | NUMBERS | st.text(max_size=8) | st.sampled_from(VIEWS)
# fmt: off
KEYS = ["viewpoint", "name", "keypoints", "keypoint_scores", "people", "pose_keypoints_2d",
        "instance_info", "annotations", "images", "image_id", "id", "file_name", *VIEWS]
# fmt: on
CONTENT = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(KEYS) | NAMES, inner, max_size=4)
    ),
    max_leaves=12,
)
LABELS = st.dictionaries(NAMES, PLAIN | st.tuples(PLAIN, PLAIN) | CONTENT, max_size=5)
BODY = st.lists(NUMBERS, min_size=51, max_size=51) | st.lists(
    st.lists(NUMBERS, min_size=2, max_size=3), min_size=17, max_size=17
)
POSES = (
    CONTENT
    | st.fixed_dictionaries(
        {"people": st.lists(st.fixed_dictionaries({"pose_keypoints_2d": BODY}))}
    )
    | st.lists(st.fixed_dictionaries({"keypoints": BODY | CONTENT, "keypoint_scores": CONTENT}))
    | st.dictionaries(NAMES, st.lists(st.fixed_dictionaries({"keypoints": BODY}), max_size=2))
)


def as_json(content: Any) -> bytes:
    return json.dumps(content).encode()


def as_csv(columns: list[str]) -> st.SearchStrategy[bytes]:
    """Tables whose header is nearly right, and whose cells need not be."""
    cell = st.sampled_from(["a.jpg", "b.jpg", "1", "-1", "0.5", "nan", "inf", "", '"', *VIEWS])
    row = st.lists(cell | st.text(max_size=6), min_size=1, max_size=len(columns) + 1)
    header = st.permutations(columns) | st.lists(st.sampled_from(columns), max_size=6)
    return (st.tuples(header, st.lists(row, max_size=5)) | fitting_table(columns)).map(
        lambda table: "\n".join(map(",".join, [table[0], *table[1]])).encode(errors="replace")
    )


def fitting_table(columns: list[str]) -> st.SearchStrategy[tuple[list[str], list[tuple]]]:
    """Header and rows in which the cells are of their columns' kinds."""
    kinds = {
        "filename": st.sampled_from(["a.jpg", "b.jpg", "x/c.jpg", "ü.png"]),
        "viewpoint": st.sampled_from(["0", "1", "2", "-1", *VIEWS]),
        "name": st.sampled_from(VIEWS),
    }
    cells = [kinds.get(column, st.floats(-1, 720).map(str)) for column in columns]
    return st.lists(st.tuples(*cells), min_size=1, max_size=3).map(lambda rows: (columns, rows))


def arrays_file(arrays: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def whole_gallery() -> dict[str, np.ndarray]:
    gallery = Gallery("of a model")
    gallery.add(np.eye(4, 8, dtype=np.float32), ["a", "b", "c", "d"], persons=[1, 1, 2, 2])
    with tempfile.TemporaryDirectory() as folder:
        gallery.save(Path(folder) / "gallery.npz")
        return load_arrays(Path(folder) / "gallery.npz")


def other_arrays(whole: dict[str, np.ndarray]) -> st.SearchStrategy[dict]:
    """Arrays of which up to two are of another type or shape, or lacking."""
    strange = st.builds(
        lambda shape, kind: np.zeros(shape, kind),
        st.lists(st.integers(0, 5), max_size=3),
        st.sampled_from(["f4", "f8", "i8", "u1", "bool", "U3", "S3", "c8", "M8[s]"]),
    )
    changes = st.dictionaries(st.sampled_from(sorted(whole)), st.none() | strange, max_size=2)
    return changes.map(
        lambda changed: {k: v for k, v in {**whole, **changed}.items() if v is not None}
    )


TABLE = {
    "features": np.eye(4, 8, dtype=np.float32),
    "person_id": np.array([1, 2, 1, 2]),
    "camera_id": np.array([1, 1, 2, 2]),
    "viewpoint": np.array([0, 1, 2, -1]),
    "is_query": np.array([True, True, False, False]),
}
POINTS = {"names": np.array(["a.jpg", "b.jpg"]), "keypoints": np.ones((2, 17, 3))}


def as_checkpoint(content: Any) -> bytes:
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


def picture(suffix: str) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 255, (24, 12, 3), np.uint8)
    return cv2.imencode(suffix, pixels)[1].tobytes()


def image_names(pattern: str) -> st.SearchStrategy[list[str]]:
    """File names, of which some, or all, fit the pattern."""
    fitting = st.from_regex(pattern, fullmatch=True)
    letters = st.sampled_from("0123456789_-csf.") | st.characters(codec="utf-8")
    stems = st.lists(fitting, min_size=1, max_size=4) | st.lists(
        fitting | st.text(letters, max_size=24), min_size=1, max_size=4
    )
    return stems.map(
        lambda drawn: [stem.replace("/", "").replace("\0", "")[:60] + ".jpg" for stem in drawn]
    )


def read_folder(kind: type[ReIDDataset]) -> Callable[[Path, list[str]], None]:
    def read(folder: Path, names: list[str]) -> None:
        (folder / "bounding_box_train").mkdir()
        for name in names:
            (folder / "bounding_box_train" / name).touch()
        dataset = kind(folder, serialize_data=False)  # else each would collect garbage, for 0.5 s
        infos = [dataset.get_data_info(i) for i in range(len(dataset))]
        assert len(infos) <= len(names) and all(info["person_id"] >= 0 for info in infos)

    return read


MSMT_LINE = st.from_regex(
    r"[0-9]{4}/[0-9]{4}_[0-9]{3}_[0-9]{2}_[0-9a-z_]{0,9}\.jpg [0-9]{1,4}", fullmatch=True
)


def read_list(folder: Path, lines: list[str]) -> None:
    for line in lines:
        if re.fullmatch(r"\w+/\w+\.jpg \d+", line):
            image = folder / "train" / line.split()[0]
            image.parent.mkdir(parents=True, exist_ok=True)
            image.touch()
    (folder / "train").mkdir(exist_ok=True)
    (folder / "list_train.txt").write_text("\n".join(lines), encoding="utf-8")
    (folder / "list_val.txt").write_text("")
    MSMT17(folder, serialize_data=False)


class _People:
    """Two images of each of four people."""

    def __len__(self) -> int:
        return 8

    def get_data_info(self, index: int) -> dict:
        return {"gt_label": index // 2, "viewpoint": index % 3}


VALUE = PLAIN | st.lists(PLAIN, max_size=3) | st.dictionaries(NAMES, PLAIN, max_size=2)
SMALL_VALUE = VALUE.filter(lambda v: not isinstance(v, int | float) or not 64 < abs(v) < np.inf)
PARTS = {
    "LSRLoss": ["epsilon", "loss_weight", "reduction"],
    "ALSRLoss": ["alpha", "loss_weight", "reduction"],
    "VALSRLoss": ["alpha", "negatives", "loss_weight", "reduction"],
    "CenterRegularization": ["loss_weight", "reduction"],
    "BatchHardTriplet": ["margin", "across_ranks", "loss_weight", "reduction"],
    "EmbeddingNeck": ["in_channels", "out_channels"],
    "VAHead": ["num_classes", "in_channels", "num_views", "scale", "margin", "loss_id", "loss_view",
               "loss_center", "sample_ratio"],
    "BatchRandomFlip": ["prob"],
    "BatchRandomCrop": ["padding"],
    "BatchRandomErasing": ["erase_prob", "min_area_ratio", "max_area_ratio", "aspect_range",
                           "fill_color"],
    "BatchColorJitter": ["brightness", "contrast", "saturation"],
}  # fmt: skip
PART = st.sampled_from(list(PARTS)).flatmap(
    lambda name: st.fixed_dictionaries(
        {"type": st.just(f"mmvareid.{name}")},
        optional=dict.fromkeys(PARTS[name], SMALL_VALUE),
    )
)
CONFIG = "va_reid/va-reid_seresnext-small_synthetic"
OPTION = st.sampled_from(
    ["data_root", "num_classes", "modle", "model.head.num_classes", "train_cfg.max_epochs",
     "param_scheduler.0.end", "param_scheduler.9.end", "randomness.seed", "custom_hooks.0", "a.b"]
) | st.text(string.ascii_lowercase + "._0", max_size=12)  # fmt: skip

WRONG_VALUE = (ValueError, TypeError, KeyError)  # what MMEngine's builder passes on
TARGETS = {
    "image names, own data": Target(image_names(ReIDDataset.pattern), read_folder(ReIDDataset)),
    "image names, Market-1501": Target(image_names(Market1501.pattern), read_folder(Market1501)),
    "image names, DukeMTMC-reID": Target(
        image_names(DukeMTMCreID.pattern), read_folder(DukeMTMCreID)
    ),
    "image names, CUHK03": Target(image_names(CUHK03.pattern), read_folder(CUHK03)),
    "lists of MSMT17": Target(
        st.lists(MSMT_LINE, min_size=1, max_size=4)
        | st.lists(MSMT_LINE | st.text(max_size=30), max_size=4),
        read_list,
        (ValueError, FileNotFoundError),
    ),
    "viewpoints, JSON": Target(
        LABELS.map(as_json) | CONTENT.map(as_json) | damaged(as_json({"a.jpg": [1, "side"]})),
        reads("views.json", load_viewpoints),
    ),
    "viewpoints, CSV": Target(
        as_csv(["filename", "viewpoint", "name"]) | damaged(b"filename,viewpoint\na.jpg,front\n"),
        reads("views.csv", load_viewpoints),
    ),
    "viewpoints, pickle": Target(
        st.one_of(
            (LABELS | CONTENT).map(pickle.dumps),
            *(
                damaged(pickle.dumps({"a.jpg": (1, "side"), "b.jpg": (2, "back")}, p))
                for p in range(6)
            ),
            st.binary(max_size=64),
        ),
        reads("views.pkl", load_viewpoints),
    ),
    "soft viewpoints, CSV": Target(
        st.tuples(
            as_csv(["filename", "viewpoint", "yaw", "front", "side", "back", "name"]),
            st.sampled_from(["name", "confidence", "yaw"]),
        ),
        lambda folder, drawn: reads(
            "soft.csv", lambda path: load_soft_viewpoints(path, source=drawn[1])
        )(folder, drawn[0]),
    ),
    "body points, JSON": Target(
        POSES.map(as_json) | damaged(as_json([{"keypoints": [[1, 2]] * 17}])),
        reads("poses.json", read_poses),
    ),
    "body points, arrays": Target(
        other_arrays(POINTS).map(arrays_file) | damaged(arrays_file(POINTS)),
        reads("poses.npz", read_poses),
    ),
    "galleries": Target(
        other_arrays(whole_gallery()).map(arrays_file) | damaged(arrays_file(whole_gallery())),
        reads("gallery.npz", Gallery.load),
    ),
    "features": Target(
        other_arrays(TABLE).map(arrays_file) | damaged(arrays_file(TABLE)),
        reads("features.npz", Descriptors.load),
    ),
    "checkpoints": Target(
        damaged(as_checkpoint({"state_dict": {"weight": torch.ones(3)}}))
        | st.binary(max_size=64)
        | (LABELS | CONTENT).map(pickle.dumps)
        | CONTENT.map(lambda content: as_checkpoint({"state_dict": content, "meta": content})),
        reads("epoch_1.pth", load_checkpoint_safely),
    ),
    "pictures": Target(
        st.one_of(damaged(picture(suffix)) for suffix in (".jpg", ".png", ".bmp")),
        reads("a.jpg", read_image),
        (UnreadableImageError,),
    ),
    "config values of model parts": Target(PART, lambda _, part: MODELS.build(part), WRONG_VALUE),
    "config values of the sampler": Target(
        st.fixed_dictionaries(
            {},
            optional={
                "num_identities": st.integers(-1, 5) | SMALL_VALUE,
                "num_instances": st.integers(-1, 5) | SMALL_VALUE,
                "balance_views": st.booleans() | SMALL_VALUE,
            },
        ),
        lambda _, given: list(itertools.islice(IdentitySampler(_People(), **given, seed=0), 99)),
        WRONG_VALUE,
    ),
    "config values of the metric": Target(
        st.fixed_dictionaries(
            {},
            optional={
                "metric": st.sampled_from(["cosine", "euclidean"]) | SMALL_VALUE,
                "topk": st.lists(st.integers(-1, 4), max_size=3) | SMALL_VALUE,
                "rerank": st.dictionaries(st.sampled_from(["k1", "k2", "lambda_value"]), NUMBERS)
                | SMALL_VALUE,
                "expand": st.dictionaries(st.sampled_from(["k", "alpha"]), NUMBERS) | SMALL_VALUE,
                "ap": st.sampled_from(["rectangular", "trapezoid"]) | SMALL_VALUE,
                "viewpoints": st.booleans() | SMALL_VALUE,
                "verification": st.booleans(),
            },
        ),
        lambda _, given: Scoring(**given).score(Descriptors.of_arrays(TABLE)),
        WRONG_VALUE,
    ),
    "config options": Target(
        st.dictionaries(OPTION, VALUE, max_size=3),
        lambda _, options: load_config(CONFIG, options),
    ),
}
