"""Body points from files: JSON of MMPose and of OpenPose, arrays of NumPy."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mmvareid.fileio.arrays import load_arrays

from .skeletons import LAYOUTS


@dataclass
class Poses:
    """One body for each image.

    Attributes:
        names (list[str]): Images, without the ending if the files don't tell it.
        points (np.ndarray): ``(N, J, 3)``: x, y and score; 1 where a file has no scores.
        without_body (list[str]): Images in whose file there is nobody.
        with_several (int): Images with several bodies, of which the one of the highest total score
            was taken.
    """

    names: list[str]
    points: np.ndarray
    without_body: list[str] = field(default_factory=list)
    with_several: int = 0


def read_poses(path: str | Path) -> Poses:
    """Read body points of images.

    Accepted are

    - a folder of JSON files, one for each image: OpenPose's ``NAME_keypoints.json``, or MMPose's
      ``NAME.json`` (as ``pred_out_dir`` or ``--save-predictions`` write them);
    - one such JSON file; COCO's annotations, which have ``images``; its results, whose
      ``image_id`` has to be the image's name, as AlphaPose writes it; or ``{image: bodies}``;
    - ``.npz`` with ``names`` (N,) and ``keypoints`` (N, J, 2 or 3).

    Raises:
        FileNotFoundError: There is no such file or folder.
        ValueError: A file has another format, or the layouts differ; the message names the file.
    """
    path = Path(path).expanduser()
    if not path.exists():
        raise FileNotFoundError(f"poses has to be an existing file or folder, but got '{path}'")
    if path.suffix == ".npz":
        return _read_arrays(path)
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    if not files:
        raise ValueError(f"'{path}' has to hold JSON files of body points, but holds none")
    bodies: dict[str, list[np.ndarray]] = {}
    for file in files:
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            for name, found in _images(content, file.stem.removesuffix("_keypoints")):
                bodies.setdefault(name, []).extend(found)
        except (
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            RecursionError,
            OverflowError,
        ) as error:
            raise ValueError(
                f"'{file}' has to be JSON of MMPose or OpenPose, but reading it failed: "
                f"{type(error).__name__} {error}"
            ) from error
    return _best_bodies(bodies, path)


def _read_arrays(path: Path) -> Poses:
    arrays = load_arrays(path)
    try:
        names, points = arrays["names"], np.asarray(arrays["keypoints"], dtype=np.float64)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"'{path}' has to hold arrays `names` and `keypoints` of numbers: {error}"
        ) from error
    if names.dtype.kind != "U" or names.shape != points.shape[:1] or points.ndim != 3:
        raise ValueError(
            f"'{path}' has to hold names (N,) of text and keypoints (N, J, 2 or 3), but holds "
            f"{names.dtype} {names.shape} and {points.shape}"
        )
    if points.shape[1] not in LAYOUTS or points.shape[2] not in (2, 3):
        raise ValueError(
            f"'{path}' has to hold keypoints (N, J, 2 or 3) with J one of {sorted(LAYOUTS)}, but "
            f"holds {points.shape}"
        )
    return Poses([str(name) for name in names], _with_scores(points))


def _with_scores(points: np.ndarray) -> np.ndarray:
    """Points (..., J, 3) of points without scores too: 0 where missing, else 1."""
    if points.shape[-1] == 3:
        return points
    there = np.isfinite(points).all(axis=-1) & (points != 0).any(axis=-1)
    return np.concatenate([points, there[..., None]], axis=-1)


def _images(content: Any, stem: str) -> list[tuple[str, list[np.ndarray]]]:
    """Pairs of an image and its bodies (J, 3)."""
    match content:
        case {"people": people}:  # OpenPose
            return [(stem, [_body(one["pose_keypoints_2d"]) for one in people])]
        case {"instance_info": people}:  # MMPose's demos
            return [(stem, [_of_instance(one) for one in people])]
        case {"annotations": people, "images": images}:  # COCO
            names = {image["id"]: str(image["file_name"]) for image in images}
            none: list[tuple[str, list[np.ndarray]]] = [(name, []) for name in names.values()]
            return none + [(names[one["image_id"]], [_of_instance(one)]) for one in people]
        case dict():
            return [(str(name), [_of_instance(one) for one in content[name]]) for name in content]
        case [{"image_id": str()}, *_]:
            return [(one["image_id"], [_of_instance(one)]) for one in content]
        case [{"image_id": number}, *_]:
            raise ValueError(
                f"image_id has to be the image's name, but is {number}; give COCO's file with "
                "`images` and `annotations`"
            )
        case list():  # MMPose's inferencer
            return [(stem, [_of_instance(one) for one in content])]
    raise ValueError(f"it holds a {type(content).__name__}")


def _of_instance(instance: dict[str, Any]) -> np.ndarray:
    scores = instance.get("keypoint_scores")
    points = instance["keypoints"]
    if scores is None:
        return _body(points)
    places = np.asarray(points, dtype=np.float64)
    if places.ndim != 2 or places.shape[1] != 2:
        raise ValueError(
            f"key points with scores beside them have to be (J, 2), are {places.shape}"
        )
    sure = np.asarray(scores, dtype=np.float64)
    if sure.shape != (len(places),):
        raise ValueError(f"{len(places)} key points have to have a score each, got {sure.shape}")
    return np.concatenate([places, sure[:, None]], axis=1)


def _body(values: Any) -> np.ndarray:
    """Points (J, 3) of a list of x, y, score, flat or nested, or of x, y."""
    points = np.asarray(values, dtype=np.float64)
    if points.ndim == 1:
        points = points.reshape(-1, 3)
    if points.ndim != 2 or points.shape[1] not in (2, 3):
        raise ValueError(f"key points have to be (J, 2 or 3), but are {points.shape}")
    return _with_scores(points)


def _best_bodies(bodies: dict[str, list[np.ndarray]], path: Path) -> Poses:
    layouts = {len(body) for found in bodies.values() for body in found}
    if len(layouts) > 1 or not layouts <= set(LAYOUTS):
        raise ValueError(
            f"'{path}' has to hold bodies of one number of points, of {sorted(LAYOUTS)}, but holds "
            f"{sorted(layouts)}"
        )
    best = {
        name: max(found, key=lambda body: body[:, 2].sum())
        for name, found in bodies.items()
        if found
    }
    points = np.stack([*best.values()]) if best else np.zeros((0, 17, 3))
    several = sum(len(found) > 1 for found in bodies.values())
    return Poses([*best], points, sorted(set(bodies) - set(best)), several)
