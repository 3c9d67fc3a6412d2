"""Writes a folder of synthetic people in the layout of Market-1501."""

import csv
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np

from .cameras import Camera, draw_camera
from .people import Person, draw_person
from .photograph import Model, false_alarm, photograph
from .shots import Shot, shots_of, stray_shots, viewpoint_of

FOLDERS = ("bounding_box_train", "query", "bounding_box_test")
DISTRACTORS = 20_000  # distractors are people with numbers from here on: nobody in the data


def make_synthetic(
    root: str | os.PathLike[str],
    num_ids: int = 128,
    images_per_id: int = 20,
    num_cameras: int = 6,
    num_distractors: int = 200,
    num_junk: int = 200,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, int]:
    """Draw people at known yaw and write them as a Market-1501 folder.

    Odd person ids are for training, even ones for testing. A person depends on ``seed`` and the
    person id only, a picture on those and its number, so that more ids leave the others as they
    are. Beside the pictures are written ``viewpoints.csv`` (filename, viewpoint, name, yaw) for
    all but distractors and junk, and ``identities.csv`` (pid, group, shares, description).

    Args:
        root: the folder to make; it has to be empty or absent.
        num_ids: identities, half for training and half for testing.
        images_per_id: pictures of each identity, over three to five cameras.
        num_cameras: cameras, which differ in elevation, scene, light, colour, blur and noise.
        num_distractors: gallery pictures of people who are no identity, named ``0000``.
        num_junk: gallery pictures of parts of people or of nobody, named ``-1``.
        seed: the same seed writes the same bytes.
        progress: called with (pictures done, pictures in all) after each picture.

    Returns:
        How many pictures there are: 'train', 'query', 'gallery' (labelled), 'distractors', 'junk'.

    Raises:
        ValueError: if a number makes no sense.
        FileExistsError: if ``root`` holds something.
    """
    _check(num_ids, images_per_id, num_cameras, num_distractors, num_junk, seed)
    root = Path(root).resolve()  # of a link, or of the folder in which one is
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise FileExistsError(
            f"root has to be an empty or absent folder, but {root} holds something: "
            "give another root, or remove this one"
        )
    root.parent.mkdir(parents=True, exist_ok=True)
    # Written beside the root and renamed at the end, so that it is never half there; within a root
    # that exists, which may be where one is, or a mount point, and cannot be replaced.
    hidden = f".{root.name}-{uuid.uuid4().hex}"
    draft = root / hidden if root.exists() else root.with_name(hidden)
    draft.mkdir()
    try:
        for folder in FOLDERS:
            (draft / folder).mkdir()
        people = [draw_person(seed, pid) for pid in range(1, num_ids + 1)]
        counts = dict.fromkeys(("train", "query", "gallery", "distractors", "junk"), 0)
        rows: list[tuple[str, int, str, float]] = []
        total = num_ids * images_per_id + num_distractors + num_junk
        pictures = _pictures(seed, people, images_per_id, num_cameras, num_distractors, num_junk)
        for done, (kind, shot, jpeg) in enumerate(pictures, 1):
            (draft / shot.folder / shot.name).write_bytes(jpeg)
            counts[kind] += 1
            if kind in ("train", "query", "gallery"):
                rows.append((shot.name, *viewpoint_of(shot.yaw), shot.yaw))
            if progress is not None:
                progress(done, total)
        _write_csv(draft / "viewpoints.csv", ("filename", "viewpoint", "name", "yaw"), sorted(rows))
        looks = [(p.pid, p.group, p.shares, p.words) for p in people]
        _write_csv(draft / "identities.csv", ("pid", "group", "shares", "description"), looks)
        if draft.parent == root:
            for path in sorted(draft.iterdir(), key=Path.is_file):  # what tells it is whole last
                path.rename(root / path.name)
            draft.rmdir()
        else:
            draft.rename(root)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return counts


def _pictures(
    seed: int, people: list[Person], images: int, cameras: int, distractors: int, junk: int
) -> Iterator[tuple[str, Shot, bytes]]:
    """All pictures: (kind, shot, JPEG)."""

    @lru_cache
    def camera(number: int) -> Camera:  # drawn once, when first needed
        return draw_camera(seed, number)

    for person in people:
        model, train = Model.of(person), person.pid % 2 == 1
        for shot in shots_of(seed, person.pid, images, cameras, train):
            rng = np.random.default_rng([seed, 7, person.pid, shot.number])
            kind = {"bounding_box_train": "train", "query": "query"}.get(shot.folder, "gallery")
            yield kind, shot, photograph(model, camera(shot.camera), shot.yaw, rng)
    for shot in stray_shots(seed, 0, distractors, cameras):
        rng = np.random.default_rng([seed, 8, shot.number])
        model = Model.of(draw_person(seed, DISTRACTORS + shot.number))
        yield "distractors", shot, photograph(model, camera(shot.camera), shot.yaw, rng)
    for shot in stray_shots(seed, -1, junk, cameras):
        rng = np.random.default_rng([seed, 9, shot.number])
        pid = 2 * int(rng.integers(1, len(people) // 2 + 1))
        model = Model.of(people[pid - 1])
        yield "junk", shot, false_alarm(model, camera(shot.camera), shot.yaw, rng)


def _check(
    num_ids: int, images_per_id: int, num_cameras: int, distractors: int, junk: int, seed: int
) -> None:
    ranges = (
        ("num_ids", num_ids, 4, 9999),
        ("images_per_id", images_per_id, 6, 999),
        ("num_cameras", num_cameras, 3, 9),
        ("num_distractors", distractors, 0, 99_999),
        ("num_junk", junk, 0, 99_999),
    )
    for name, value, low, high in ranges:
        if value < low:
            raise ValueError(f"{name} has to be at least {low}, but got {value}")
        if value > high:
            raise ValueError(f"{name} has to be at most {high}, but got {value}")
    if seed < 0:
        raise ValueError(f"seed has to be at least 0, but got {seed}")


def _write_csv(path: Path, header: tuple[str, ...], rows: list) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
