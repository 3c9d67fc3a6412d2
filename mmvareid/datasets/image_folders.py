"""Folders of images as people have them: all in one, or a folder for each person."""

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from mmvareid.fileio.image_paths import is_image_name

_CAMERA = re.compile(r"(?:^|_)c(?P<camera>\d+)")
_LAST_ID = 2**63 - 1  # what an int64 holds


class Image(NamedTuple):
    """One image on disk; ``person`` is -1 for junk."""

    path: str
    person: int
    camera: int


def scan_folder(folder: Path, by_person: bool = False) -> tuple[list[str], list[str]]:
    """Return the images of a folder, sorted, and what else is in it and was left out.

    Args:
        folder (Path): That exists.
        by_person (bool): The images are in its folders, and none is in the folder itself.

    Returns:
        tuple[list[str], list[str]]: Paths relative to it; of folders, which end in a slash, it is
        not said what is in them. Hidden files are in neither.
    """
    images, left_out = [], []
    with os.scandir(folder) as entries:
        found = sorted((entry.name, entry.is_dir()) for entry in entries if entry.name[0] != ".")
    for name, is_folder in found:
        if is_folder and by_person:
            below, others = scan_folder(folder / name)
            images += [os.path.join(name, one) for one in below]
            left_out += [os.path.join(name, one) for one in others]
        elif is_folder:
            left_out.append(f"{name}/")
        elif not by_person and is_image_name(name):
            images.append(name)
        else:
            left_out.append(name)
    return images, left_out


def number_people(folders: Iterable[Path]) -> dict[str, int]:
    """Return an id for each person's folder within some: its number, or if one has none its rank.

    Args:
        folders (Iterable[Path]): All parts of a dataset, in which people have to have one id; those
            that do not exist are passed over.
    """
    names = {
        entry.name
        for folder in folders
        if folder.is_dir()
        for entry in os.scandir(folder)
        if entry.is_dir() and entry.name[0] != "."
    }
    if all(re.fullmatch(r"-1|\d+", name) for name in names):
        return {name: int(name) for name in names}
    return {name: number for number, name in enumerate(sorted(names), start=1)}


def parse_images(
    folder: Path, paths: Sequence[str], pattern: str, people: dict[str, int] | None
) -> tuple[list[Image], list[str]]:
    """Return what names say of images, and the names that say nothing.

    Args:
        folder (Path): They are in.
        paths (Sequence[str]): Relative to it.
        pattern (str): Of names without ending, with groups ``person`` and ``camera``.
        people (dict[str, int] | None): Ids by folder, where the folder is the person; names then
            need to have but a camera, as ``c3``.

    Raises:
        ValueError: A number is too large to be an id.
    """
    images, unfit = [], []
    for path in paths:
        stem = os.path.splitext(os.path.basename(path))[0]
        match = re.fullmatch(pattern, stem) if people is None else _CAMERA.search(stem)
        if not match:
            unfit.append(path)
            continue
        person = int(match["person"]) if people is None else people[os.path.dirname(path)]
        camera = int(match["camera"])
        if max(person, camera) > _LAST_ID:
            raise ValueError(
                f"persons and cameras have to be below 2**63, but got '{folder / path}'; number "
                "them anew"
            )
        images.append(Image(str(folder / path), person, camera))
    return images, unfit
