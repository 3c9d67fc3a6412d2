"""A dataset whose images get viewpoints from a file."""

import logging
import os
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import print_log

from mmvareid.viewpoint.noise import add_label_noise
from mmvareid.viewpoint.reading import find_viewpoint_file, load_viewpoints
from mmvareid.viewpoint.soft import load_soft_viewpoints

from .tolerant_dataset import TolerantDataset


class ViewpointDataset(TolerantDataset):
    """Base of :class:`ReIDDataset`, which tells of its arguments.

    Subclasses call :meth:`viewpoint_fields` from their ``load_data_list``.
    """

    def __init__(
        self,
        data_root: str | PathLike,
        split: str,
        viewpoint_file: str | PathLike | None,
        noise: str,
        label_noise: dict | None,
        soft_viewpoints: dict | None,
        pipeline: Sequence = (),
        **kwargs: Any,
    ) -> None:
        if split not in ("train", "test"):
            raise ValueError(f"split has to be 'train' or 'test', but got {split!r}")
        for name, value in (("label_noise", label_noise), ("soft_viewpoints", soft_viewpoints)):
            if value is not None and split == "test":
                raise ValueError(f"{name} has to be None in the test split, but got {value}")
        if label_noise is not None and soft_viewpoints is not None:
            raise ValueError("label_noise has to be None with soft_viewpoints, but both are given")
        self.split = split
        self.viewpoint_file, self.noise = viewpoint_file, noise
        self.label_noise, self.soft_viewpoints = label_noise, soft_viewpoints
        if soft_viewpoints and soft_viewpoints.get("all_round"):
            _check_mirror(pipeline)
        super().__init__(
            data_root=os.path.expanduser(data_root), ann_file="", pipeline=pipeline, **kwargs
        )

    def viewpoint_fields(self, root: Path, names: list[str]) -> tuple[list[dict], str]:
        """Return ``viewpoint`` and maybe ``viewpoint_weights`` of each image, and their source."""
        path = self._find_file(root)
        labels, source = self._labels(root, path, names)
        if self.label_noise is not None:
            if (labels < 0).all():
                raise ValueError(
                    f"label_noise has to have viewpoints to make wrong, but {source} gives none"
                )
            right, labels = labels, add_label_noise(labels, **self.label_noise)
            source += f", {np.count_nonzero(labels != right)} made wrong by label_noise"
        fields: list[dict] = [{"viewpoint": label} for label in labels.tolist()]
        if self.soft_viewpoints is not None:
            if path is None:
                raise ValueError(
                    f"soft_viewpoints need a viewpoint_file, but '{root}' has none; name one"
                )
            weights = load_soft_viewpoints(path, **self.soft_viewpoints)
            unknown = np.zeros_like(next(iter(weights.values())))
            for field, name in zip(fields, names, strict=True):
                known = field["viewpoint"] != -1  # says what `noise` makes of noise
                field["viewpoint_weights"] = weights[name] if known else unknown
        return fields, source

    def _find_file(self, root: Path) -> Path | None:
        if self.viewpoint_file is None:
            return None
        if self.viewpoint_file == "auto":
            return find_viewpoint_file(root)
        given = Path(self.viewpoint_file).expanduser()
        tried = [Path(self.data_root, given), root / given, given]
        found = next((path for path in tried if path.is_file()), None)
        if found is None and self.split == "train":  # testing needs no viewpoints
            places = ", ".join(dict.fromkeys(f"'{path}'" for path in tried))
            raise FileNotFoundError(
                f"viewpoint_file has to be an existing file, but there is none at {places}"
            )
        return found

    def _labels(self, root: Path, path: Path | None, names: list[str]) -> tuple[np.ndarray, str]:
        """Return labels (N,) and where they are from."""
        train = self.split == "train"
        viewpoints = load_viewpoints(path, self.noise) if path else {}
        labels = np.array([viewpoints.get(name, -1) for name in names])
        if path and not viewpoints.keys().isdisjoint(names):
            return labels, path.name
        if train and self.viewpoint_file not in (None, "auto"):
            raise ValueError(
                f"viewpoint_file has to name images of {type(self).__name__} {self.split}, but "
                f"none of the {len(viewpoints)} names in '{path}', such as "
                f"{next(iter(viewpoints))}, is among its images, such as {names[0]}"
            )
        why = f"'{path}' names no {self.split} image" if path else "no viewpoint_file"
        if train and self.viewpoint_file is not None:
            why = why if path else f"none in '{root}'"
            print_log(
                f"{type(self).__name__} train: no viewpoints ({why}), so every viewpoint is -1 and "
                "the loss L_v will be zero; give viewpoint_file=<pickle, JSON or CSV>",
                logger="current",
                level=logging.WARNING,
            )
        return labels, why


def _check_mirror(pipeline: Sequence) -> None:
    """Raise ``ValueError`` unless each flip of a pipeline is followed by its mirror."""
    names = [name for name in _types(pipeline) if name in ("RandomFlip", "MirrorViewpoint")]
    if names != ["RandomFlip", "MirrorViewpoint"] * (len(names) // 2):
        raise ValueError(
            "a pipeline that flips images of all_round viewpoints has to have "
            f"dict(type='mmvareid.MirrorViewpoint') behind each RandomFlip, but got {names}"
        )


def _types(node: Any) -> list[str]:
    """Types of all transforms below a config, in their order."""
    if isinstance(node, dict):
        own = [str(node["type"]).rsplit(".", 1)[-1]] if "type" in node else []
        return own + [name for child in node.values() for name in _types(child)]
    if isinstance(node, list | tuple):
        return [name for child in node for name in _types(child)]
    return []
