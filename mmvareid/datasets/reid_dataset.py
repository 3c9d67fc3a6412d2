"""The sample contract of person re-identification, on folders of images."""

import os
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from mmvareid.fileio.image_paths import some_names
from mmvareid.registry import DATASETS

from .image_folders import Image, number_people, parse_images, scan_folder
from .infos import JUNK
from .joining import ViewpointJoin, check_mirror
from .split_report import report_split
from .tolerant_dataset import TolerantDataset


@DATASETS.register_module()
class ReIDDataset(TolerantDataset):
    """People in the folders ``bounding_box_train``, ``query`` and ``bounding_box_test``.

    File names start with ``<person>_c<camera>``; person -1 is junk and is left out. A public
    dataset is a subclass that sets the class attributes below; this class itself reads your own
    data. Each sample is a dict with

    - ``img_path`` (str)
    - ``gt_label`` (int): 0 .. K-1, the rank of the person id among the sorted ids of the split
    - ``person_id``, ``camera_id`` (int): as in the file name
    - ``viewpoint`` (int): -1 where unknown
    - ``is_query`` (bool): the test split is one list, the queries first, then the gallery

    What becomes of unreadable images is said in :class:`TolerantDataset`.

    Args:
        data_root: The folder that holds the three folders, or its parent under the public name.
        split: ``'train'`` or ``'test'``.
        viewpoint_file: See :func:`load_viewpoints`; absolute, or relative to ``data_root`` or the
            working directory. In the test split it may be missing, or name no image. ``'auto'``
            takes the one file in the dataset's folder that is called
            ``*_image_map_direction.pkl``, ``viewpoints.json`` or ``viewpoints.csv``, if there is
            one. None leaves every viewpoint at -1.
        multi_query: Queries are all images of Market-1501's ``gt_bbox`` that show a query's person
            in its camera; score them by ``ReIDMetric(pool_queries=True)``.
        person_folders: Within the three folders each person has a folder, whose name is the id if
            all are numbers, and any text else. Names of files then need to have the camera alone,
            as ``c3_000451.jpg``. A dataset that reads lists, such as MSMT17, does not look at it.
        noise: ``'side'`` or ``'unknown'``, see :func:`load_viewpoints`.
        label_noise: Makes viewpoints wrong, in the train split only; the arguments of
            :func:`add_label_noise`, as ``dict(share=0.25)``.
        soft_viewpoints: Adds ``viewpoint_weights`` (V,) to train samples; the arguments of
            :func:`load_soft_viewpoints`, as ``dict(source="yaw", num_views=5)``.
        pipeline: Transforms.
        test_mode: True turns unreadable images into errors; by default true in the test split.
        **kwargs: As for :class:`mmpretrain.datasets.BaseDataset`.

    Raises:
        FileNotFoundError: If a folder or file is missing.
        ValueError: If a folder is empty, a name does not fit, or a viewpoint file is no good.
    """

    # The folder, or the list, of each part, and the folders below data_root that may hold them.
    sources = {"train": "bounding_box_train", "query": "query", "gallery": "bounding_box_test"}
    multi_query_folder: str | None = None  # more images of the queries' people and cameras
    subfolders: tuple[str, ...] = ()
    how_to_make = ""  # what to do if data_root is not there
    pattern = r"(?P<person>-1|\d+)_c(?P<camera>\d+)(\D.*)?"
    example = "0002_c1_000451.jpg"
    distractor: int | None = None  # the id of people who are in the gallery to be no match
    public_counts: dict[str, tuple[int, int]] = {}  # images, people, without distractors

    def __init__(
        self,
        data_root: str | PathLike,
        split: str = "train",
        viewpoint_file: str | PathLike | None = None,
        noise: str = "side",
        label_noise: dict | None = None,
        soft_viewpoints: dict | None = None,
        multi_query: bool = False,
        person_folders: bool = False,
        pipeline: Sequence = (),
        test_mode: bool | None = None,
        **kwargs: Any,
    ) -> None:
        if split not in ("train", "test"):
            raise ValueError(f"split has to be 'train' or 'test', but got {split!r}")
        if multi_query and self.multi_query_folder is None:
            raise ValueError(
                f"multi_query has to be False, since {type(self).__name__} has no more images of "
                "its queries, but got True"
            )
        self.split, self.multi_query, self.person_folders = split, multi_query, person_folders
        self.left_out: list[str] = []  # files and folders among the images that are none
        self.soft_viewpoints = soft_viewpoints
        self.viewpoints = ViewpointJoin(
            f"{type(self).__name__} {split}",
            split == "train",
            viewpoint_file,
            noise,
            label_noise,
            soft_viewpoints,
        )
        if soft_viewpoints and soft_viewpoints.get("all_round"):
            check_mirror(pipeline)
        super().__init__(
            data_root=os.path.expanduser(data_root),
            ann_file="",
            pipeline=pipeline,
            test_mode=split == "test" if test_mode is None else test_mode,
            **kwargs,
        )

    def load_data_list(self) -> list[dict]:
        """List the split's images, numbered, with viewpoints; log what was found."""
        root = self._find_root()
        parts, junk = self._list_parts(root)
        listed = [(part, image) for part, images in parts.items() for image in images]
        people = sorted({image.person for _, image in listed})
        labels = {person: label for label, person in enumerate(people)}
        names = [Path(image.path).name for _, image in listed]
        fields, source = self.viewpoints.fields(self.data_root, root, names)
        data_list = [
            {
                "img_path": image.path,
                "gt_label": labels[image.person],
                "person_id": image.person,
                "camera_id": image.camera,
                "is_query": part == "query",
                **field,
            }
            for (part, image), field in zip(listed, fields, strict=True)
        ]
        self._metainfo.setdefault("dataset_name", type(self).__name__)
        self._metainfo.setdefault("classes", tuple(str(person) for person in people))
        report_split(
            self.viewpoints.title,
            data_list,
            junk,
            source,
            self.distractor,
            {} if self.multi_query else self.public_counts,
            self.left_out,
        )
        return data_list

    def _list_parts(self, root: Path) -> tuple[dict[str, list[Image]], int]:
        """Return the images of each part of the split, without junk, and the number of junk."""
        names = ("train",) if self.split == "train" else ("query", "gallery")
        parts = {part: self.list_images(root, part) for part in names}
        if self.multi_query and self.split == "test":
            parts["query"] = self._drawn_queries(root, parts["query"])
        junk = sum(image.person == JUNK for images in parts.values() for image in images)
        for part, images in parts.items():
            parts[part] = [image for image in images if image.person != JUNK]
            self._check(root, part, parts[part])
        return parts, junk

    def _drawn_queries(self, root: Path, queries: list[Image]) -> list[Image]:
        """Return all images of ``multi_query_folder`` of the queries' people and cameras."""
        asked = {(image.person, image.camera) for image in queries}
        drawn = self.list_images(root, "multi_query")
        found = [image for image in drawn if (image.person, image.camera) in asked]
        lost = asked - {(image.person, image.camera) for image in found}
        if lost:
            raise ValueError(
                f"'{root / str(self.multi_query_folder)}' has to show every query's person in "
                f"its camera, but lacks {len(lost)} of {len(asked)}, such as person and camera "
                f"{min(lost)}"
            )
        return found

    def list_images(self, root: Path, part: str) -> list[Image]:
        """List one of ``'train'``, ``'query'``, ``'gallery'``, junk included, sorted by name."""
        source = self.multi_query_folder if part == "multi_query" else self.sources[part]
        folder = root / str(source)
        if not folder.is_dir():
            raise FileNotFoundError(
                f"{type(self).__name__} {self.split} needs the folder '{folder}'; {_contents(root)}"
            )
        paths, left_out = scan_folder(folder, self.person_folders)
        self.left_out += [f"{source}/{path}" for path in left_out]
        parts = [root / name for name in self.sources.values()]
        people = number_people(parts) if self.person_folders else None
        images, unfit = parse_images(folder, paths, self.pattern, people)
        if unfit and self.person_folders:
            raise ValueError(
                f"image names of {type(self).__name__} have to tell the camera, as c3_000451.jpg, "
                f"but got {unfit[0]} ({len(unfit)} such in '{folder}'); rename them"
            )
        if unfit:
            other = (
                ""
                if self.pattern == ReIDDataset.pattern
                else f"; the dataset's type mmvareid.ReIDDataset reads {ReIDDataset.example}"
            )
            raise ValueError(
                f"image names of {type(self).__name__} have to look like {self.example} (person, "
                f"c and camera, ...), but got {unfit[0]} ({len(unfit)} such in '{folder}'); "
                f"rename them or move them out{other}"
            )
        return images

    def _find_root(self) -> Path:
        """Return the folder that holds the parts: ``data_root`` or one of its ``subfolders``."""
        candidates = [Path(self.data_root, sub) for sub in ("", *self.subfolders)]
        found = [
            path
            for path in candidates
            if any((path / source).exists() for source in self.sources.values())
        ]
        if len(found) > 1:
            raise ValueError(
                f"data_root has to hold one {type(self).__name__}, but got "
                f"{' and '.join(map(str, found))}; name one of them as data_root"
            )
        if not found:
            raise FileNotFoundError(
                f"{type(self).__name__} needs {', '.join(self.sources.values())} in "
                f"{' or '.join(repr(str(path)) for path in candidates)}, but "
                f"{_contents(Path(self.data_root))}{self.how_to_make}"
            )
        return found[0]

    def _check(self, root: Path, part: str, images: list[Image]) -> None:
        if not images:
            has = f", only {some_names(self.left_out)}" if self.left_out else ""
            folders = any(name.endswith("/") for name in self.left_out)
            raise ValueError(
                f"{type(self).__name__} needs images in '{root / self.sources[part]}', "
                f"but got none of a person{has}"
                + ("; set person_folders=True if each person has a folder" if folders else "")
            )
        strays = [image.path for image in images if image.person == self.distractor]
        if strays and part != "gallery":
            raise ValueError(
                f"person {self.distractor} marks distractors and has to be in the gallery only, "
                f"but got '{strays[0]}' ({len(strays)} such); start your person ids at 1"
            )


def _contents(folder: Path) -> str:
    if not folder.is_dir():
        return f"'{folder}' does not exist"
    names = sorted(path.name for path in folder.iterdir())
    return f"'{folder}' holds {', '.join(names[:8]) or 'nothing'}{' ...' if names[8:] else ''}"
