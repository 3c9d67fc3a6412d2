"""Viewpoints of a split's images, joined by name from a file."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
from mmengine.logging import print_log

from mmvareid.config.walk import entries, kind
from mmvareid.viewpoint.noise import add_label_noise
from mmvareid.viewpoint.reading import find_viewpoint_file, load_viewpoints
from mmvareid.viewpoint.soft import load_soft_viewpoints


@dataclass(frozen=True)
class ViewpointJoin:
    """Where a split's viewpoints come from, and what is made of them.

    Attributes:
        title (str): Dataset and split, for messages.
        train (bool): Whether the split is for training, which needs what it names.
        file, noise, label_noise, soft: ``viewpoint_file``, ``noise``, ``label_noise`` and
            ``soft_viewpoints`` of :class:`.ReIDDataset`.

    Raises:
        ValueError: Options that only training has are given to a test split, or two that exclude
            each other.
    """

    title: str
    train: bool
    file: str | PathLike | None
    noise: str
    label_noise: dict | None
    soft: dict | None

    def __post_init__(self) -> None:
        for name, value in (("label_noise", self.label_noise), ("soft_viewpoints", self.soft)):
            if value is not None and not self.train:
                raise ValueError(f"{name} has to be None in the test split, but got {value}")
        if self.label_noise is not None and self.soft is not None:
            raise ValueError("label_noise has to be None with soft_viewpoints, but both are given")

    def fields(
        self, data_root: str | PathLike, root: Path, names: list[str]
    ) -> tuple[list[dict], str]:
        """Return ``viewpoint`` and maybe ``viewpoint_weights`` of N images, and their source.

        Args:
            data_root (str | PathLike): Of the dataset; a relative file is looked for there first.
            root (Path): The folder below it that holds the images' folders.
            names (list[str]): N file names of images.
        """
        path = self._find(data_root, root)
        labels, source = self._labels(path, root, names)
        if self.label_noise is not None:
            if (labels < 0).all():
                raise ValueError(
                    f"label_noise has to have viewpoints to make wrong, but {source} gives none"
                )
            right, labels = labels, add_label_noise(labels, **self.label_noise)
            source += f", {np.count_nonzero(labels != right)} made wrong by label_noise"
        fields: list[dict] = [{"viewpoint": label} for label in labels.tolist()]
        if self.soft is not None:
            if path is None:
                raise ValueError(
                    f"soft_viewpoints need a viewpoint_file, but '{root}' has none; name one"
                )
            weights = load_soft_viewpoints(path, **self.soft)
            unknown = np.zeros_like(next(iter(weights.values())))
            for field, name in zip(fields, names, strict=True):
                known = field["viewpoint"] != -1  # says what `noise` makes of noise
                field["viewpoint_weights"] = weights[name] if known else unknown
        return fields, source

    def _find(self, data_root: str | PathLike, root: Path) -> Path | None:
        if self.file is None:
            return None
        if self.file == "auto":
            return find_viewpoint_file(root)
        given = Path(self.file).expanduser()
        tried = [Path(data_root, given), root / given, given]
        found = next((path for path in tried if path.is_file()), None)
        if found is None and self.train:  # testing needs no viewpoints
            places = ", ".join(dict.fromkeys(f"'{path}'" for path in tried))
            raise FileNotFoundError(
                f"viewpoint_file has to be an existing file, but there is none at {places}"
            )
        return found

    def _labels(self, path: Path | None, root: Path, names: list[str]) -> tuple[np.ndarray, str]:
        """Return labels (N,) and where they are from."""
        viewpoints = load_viewpoints(path, self.noise) if path else {}
        labels = np.array([viewpoints.get(name, -1) for name in names])
        if path and not viewpoints.keys().isdisjoint(names):
            return labels, path.name
        if self.train and self.file not in (None, "auto"):
            raise ValueError(
                f"viewpoint_file has to name images of {self.title}, but none of the "
                f"{len(viewpoints)} names in '{path}', such as {next(iter(viewpoints))}, is among "
                f"its images, such as {names[0]}"
            )
        why = f"'{path}' names no {self.title.split()[-1]} image" if path else "no viewpoint_file"
        if self.train and self.file is not None:
            why = why if path else f"none in '{root}'"
            print_log(
                f"{self.title}: no viewpoints ({why}), so every viewpoint is -1 and the loss L_v "
                "will be zero; give viewpoint_file=<pickle, JSON or CSV>",
                logger="current",
                level=logging.WARNING,
            )
        return labels, why


def check_mirror(pipeline: Sequence) -> None:
    """Raise ``ValueError`` unless each flip of all-round viewpoints is followed by its mirror."""
    found = (kind(entry.value) for entry in entries(pipeline))
    names = [name for name in found if name in ("RandomFlip", "MirrorViewpoint")]
    if names != ["RandomFlip", "MirrorViewpoint"] * (len(names) // 2):
        raise ValueError(
            "a pipeline that flips images of all_round viewpoints has to have "
            f"dict(type='mmvareid.MirrorViewpoint') behind each RandomFlip, but got {names}"
        )
