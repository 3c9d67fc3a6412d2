"""Who is photographed when: cameras, headings, file names, and which picture is a query."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

# Upper end of |yaw| in degrees, viewpoint label and fine name.
BINS = ((30, 0, "front"), (60, 0, "front_side"), (120, 1, "side"), (150, 2, "back_side"),
        (181, 2, "back"))  # fmt: skip
HEADINGS = (0.0, 90.0, 180.0)


@dataclass(frozen=True)
class Shot:
    folder: str
    name: str
    camera: int
    yaw: float  # degrees in (-180, 180], 0 faces the camera
    number: int  # of the person's pictures: with the person's number it seeds the picture


def viewpoint_of(yaw: float) -> tuple[int, str]:
    """Label (0 front, 1 side, 2 back) and fine name of a yaw in degrees."""
    return next((label, name) for end, label, name in BINS if abs(yaw) < end)


def wrap_yaw(yaw: float) -> float:
    """The same direction, in (-180, 180]; two decimals, as it is written."""
    return round(180 - (180 - yaw) % 360, 2)


def file_name(pid: int, camera: int, frame: int, index: int) -> str:
    who = f"{pid:04d}" if pid >= 0 else "-1"
    return f"{who}_c{camera}s1_{frame:06d}_{index:02d}.jpg"


def shots_of(seed: int, pid: int, images: int, cameras: int, train: bool) -> Iterator[Shot]:
    """Photographs of one identity: walking one way before each camera, so mostly from one side.

    Three to five cameras see it; the first three towards, across and away (in random order), so
    every viewpoint is seen. In every third picture before a camera the person has turned.
    """
    rng = np.random.default_rng([seed, 5, pid])
    seen_by = rng.permutation(cameras)[: int(rng.integers(3, 6))] + 1
    headings = rng.permutation(HEADINGS)
    sides = rng.choice([-1, 1], len(seen_by))
    frame = int(rng.integers(1, 2000))
    for number in range(images):
        turn, which = divmod(number, len(seen_by))
        heading = headings[which % 3]
        if turn % 3 == 2:
            heading = rng.choice(HEADINGS)
        yaw = wrap_yaw(sides[which] * (heading + rng.normal(8, 17)))
        frame += int(rng.integers(5, 60))
        query = not train and turn == 0
        folder = "bounding_box_train" if train else "query" if query else "bounding_box_test"
        camera = int(seen_by[which])
        yield Shot(folder, file_name(pid, camera, frame, 0 if query else 1), camera, yaw, number)


def stray_shots(seed: int, pid: int, images: int, cameras: int) -> Iterator[Shot]:
    """Gallery pictures under ``pid`` 0 (distractors) or -1 (junk), each of somebody else."""
    rng = np.random.default_rng([seed, 6, -pid])
    for number in range(images):
        camera, yaw = int(rng.integers(1, cameras + 1)), wrap_yaw(rng.uniform(-180, 180))
        name = file_name(pid, camera, 7 * number + 1, 1)
        yield Shot("bounding_box_test", name, camera, yaw, number)
