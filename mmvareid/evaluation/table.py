"""A test set as descriptors: what every score is computed from, and a file that keeps it."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from mmengine.logging import print_log
from torch import Tensor

from mmvareid.fileio.arrays import load_arrays, save_arrays
from mmvareid.viewpoint.names import view_names

from .ranking.ranking import Ranking, rank

# Column -> what it is called in a file.
COLUMNS = {
    "persons": "person_id",
    "cameras": "camera_id",
    "viewpoints": "viewpoint",
    "is_query": "is_query",
}


@dataclass(frozen=True, eq=False)  # tensors have no single equality
class Descriptors:
    """Queries and gallery in one table of N images.

    Attributes:
        features (Tensor): ``(N, D)``, of any floating type.
        persons (np.ndarray): ``(N,)`` int64; -1 is junk.
        cameras (np.ndarray): ``(N,)`` int64.
        viewpoints (np.ndarray): ``(N,)`` int64, -1 where unknown.
        is_query (np.ndarray): ``(N,)`` bool; the others are the gallery.

    Raises:
        ValueError: Lengths differ, or there is no query or no gallery.
    """

    features: Tensor
    persons: np.ndarray
    cameras: np.ndarray
    viewpoints: np.ndarray
    is_query: np.ndarray

    def __post_init__(self) -> None:
        features = self.features
        if features.ndim != 2 or 0 in features.shape or not features.dtype.is_floating_point:
            raise ValueError(
                "features has to be of shape (N, D) and a floating type, but got "
                f"{tuple(features.shape)} {features.dtype}"
            )
        for column, name in COLUMNS.items():
            values = np.asarray(getattr(self, column))
            if values.shape != (len(features),):
                raise ValueError(
                    f"{name} has to have a value for each of {len(features)} features, but "
                    f"got shape {values.shape}"
                )
            if values.dtype.kind not in ("b" if column == "is_query" else "iu"):
                kind = "booleans" if column == "is_query" else "integers"
                raise ValueError(f"{name} has to hold {kind}, but got {values.dtype}")
            object.__setattr__(self, column, values)
        if (self.viewpoints < -1).any():
            raise ValueError(
                "viewpoint has to be -1 where unknown or from 0 on, but got "
                f"{self.viewpoints.min()}"
            )
        number = int(self.is_query.sum())
        if number in (0, len(features)):
            raise ValueError(
                "the test set has to have queries and a gallery, but got "
                f"{number} samples with is_query and {len(features) - number} without"
            )

    @classmethod
    def of_infos(cls, features: Tensor | np.ndarray, infos: Sequence[dict]) -> "Descriptors":
        """Make a table of features (N, D) and what a dataset knows of each of the N images.

        Args:
            features (Tensor | np.ndarray): ``(N, D)``.
            infos (Sequence[dict]): Each has ``person_id``, ``camera_id``, ``viewpoint`` and
                ``is_query``, see :func:`mmvareid.datasets.dataset_infos`.
        """
        columns = {
            column: np.array([info[name] for info in infos]) for column, name in COLUMNS.items()
        }
        return cls(torch.as_tensor(features), **columns)

    def __len__(self) -> int:
        return len(self.features)

    @property
    def view_names(self) -> tuple[str, ...]:
        """Names of the V viewpoints up to the largest one."""
        return view_names(int(self.viewpoints.max()) + 1)

    def select(self, index: np.ndarray) -> tuple[Tensor, np.ndarray, np.ndarray]:
        """Return features, persons and cameras of some images, by ascending indices."""
        if len(index) and index[-1] - index[0] + 1 == len(index):  # neighbours need no copy
            features = self.features[int(index[0]) : int(index[-1]) + 1]
        else:
            features = self.features[torch.as_tensor(index, device=self.features.device)]
        return features, self.persons[index], self.cameras[index]

    def rank(self, **options: Any) -> Ranking:
        """Rank the gallery for the queries; options as of :func:`mmvareid.evaluation.rank`."""
        return rank_between(
            self, np.flatnonzero(self.is_query), np.flatnonzero(~self.is_query), **options
        )

    def save(self, path: str | os.PathLike) -> None:
        """Write an .npz file that :meth:`load` reads; an older one stays whole until it is done."""
        arrays = {name: getattr(self, column) for column, name in COLUMNS.items()}
        features = self.features.cpu()
        if features.dtype == torch.bfloat16:  # NumPy has none
            features = features.float()
        save_arrays(path, {"features": features.numpy(), **arrays})

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Descriptors":
        """Read an .npz file with ``features`` (N, D) and a column for each attribute.

        The columns are called person_id, camera_id, is_query, and viewpoint, which may be left
        out. A file that has ``query_features``, ``query_person_id``, ``query_camera_id`` and the
        same of ``gallery_`` is read too. No code in it is run.

        Raises:
            ValueError: The file is no such file, or lacks an array.
        """
        return cls.of_arrays(load_arrays(path), str(path))

    @classmethod
    def of_arrays(cls, arrays: dict[str, np.ndarray], source: str = "the arrays") -> "Descriptors":
        """Make a table of arrays by name, see :meth:`load`."""
        halves = "query_features" in arrays
        parts = ("query_", "gallery_") if halves else ("",)
        needed = ["features", "person_id", "camera_id", *([] if halves else ["is_query"])]
        lacking = [part + name for part in parts for name in needed if part + name not in arrays]
        if lacking:
            raise ValueError(f"{source} has to hold {lacking}, but has only {sorted(arrays)}")
        unused = arrays.keys() - {part + name for part in parts for name in (*needed, "viewpoint")}
        if unused:
            print_log(f"{source} holds {sorted(unused)} besides: not used", logger="current")
        rows = [_rows(arrays, part, needed, source) for part in parts]
        if halves:
            for asks, half in zip((True, False), rows, strict=True):
                half["is_query"] = np.full(len(half["features"]), asks)
            query, gallery = (half["features"].shape for half in rows)
            if query[1] != gallery[1]:
                raise ValueError(
                    f"query_features and gallery_features of {source} have to be of one length, "
                    f"but are {query} and {gallery}"
                )
        whole = {name: np.concatenate([part[name] for part in rows]) for name in rows[0]}
        if not np.isin(whole["is_query"], (0, 1)).all():
            raise ValueError(f"is_query of {source} has to hold 0 or 1, or booleans")
        try:
            return cls(
                torch.from_numpy(np.ascontiguousarray(whole["features"])),
                whole["person_id"],
                whole["camera_id"],
                whole["viewpoint"],
                whole["is_query"].astype(bool),
            )
        except ValueError as error:
            raise ValueError(f"{source}: {error}") from error


def _rows(
    arrays: dict[str, np.ndarray], part: str, names: Sequence[str], source: str
) -> dict[str, np.ndarray]:
    """Return the arrays whose names start with ``part``, without it, and the viewpoints."""
    features = arrays[f"{part}features"]
    if features.ndim != 2:
        raise ValueError(f"{part}features of {source} has to be (N, D), but is {features.shape}")
    unknown = np.full(len(features), -1)
    found = {"viewpoint": arrays.get(f"{part}viewpoint", unknown)}
    found |= {name: arrays[part + name] for name in names}
    for name, values in found.items():
        if values.shape[:1] != features.shape[:1] or values.dtype.kind not in "fiub":
            raise ValueError(
                f"{part}{name} of {source} has to hold a number for each of {len(features)} "
                f"{part}features, but is {values.shape} {values.dtype}"
            )
    return found


def sample_row(sample: Mapping[str, Any]) -> tuple[Tensor, list[int]]:
    """Return the feature (D,) of a prediction, float32 on the CPU, and its :data:`COLUMNS`.

    Args:
        sample (Mapping): With ``feature``, ``person_id``, ``camera_id`` and ``is_query``;
            ``viewpoint`` is -1 where it is not there.

    Raises:
        ValueError: One is lacking; the message says what to put into the config.
    """
    missing = [name for name in COLUMNS.values() if name not in ("viewpoint", *sample)]
    if missing:
        raise ValueError(
            f"a data sample has to have {missing}, but got only {sorted(sample)}: end the test "
            "pipeline with PackInputs(algorithm_keys="
            "('person_id', 'camera_id', 'viewpoint', 'is_query'))"
        )
    if "feature" not in sample:
        raise ValueError(
            f"a prediction has to have a `feature`, but got only {sorted(sample)}: does the "
            "model's head set it?"
        )
    # A copy: a row is a view, and would keep its whole batch.
    feature = sample["feature"].detach().to("cpu", torch.float32, copy=True)
    known = {"viewpoint": -1, **sample}
    return feature, [int(known[name]) for name in COLUMNS.values()]


def rank_between(
    table: Descriptors, query: np.ndarray, gallery: np.ndarray, **options: Any
) -> Ranking:
    """Rank some images of a table for others of it, by their indices."""
    features, persons, cameras = table.select(query)
    others, other_persons, other_cameras = table.select(gallery)
    return rank(features, others, persons, other_persons, cameras, other_cameras, **options)
