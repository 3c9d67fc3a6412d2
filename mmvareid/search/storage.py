"""What a gallery asks of the place where its pictures are kept."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from .columns import COLUMNS, as_column, as_integers, check_times


@dataclass(frozen=True)
class Pictures:
    """What is known of N pictures, row by row.

    Attributes:
        ids (np.ndarray): (N,), int64.
        paths (list[str]): Where each is.
        columns (dict[str, np.ndarray]): By the names of :data:`.columns.COLUMNS`, (N,) each.
        features (np.ndarray | None): Unit descriptors (N, D), float32; None where not asked for.
    """

    ids: np.ndarray
    paths: list[str]
    columns: dict[str, np.ndarray]
    features: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def empty(cls) -> "Pictures":
        """Return no pictures, with descriptors."""
        columns = {name: as_column(name, None, 0) for name in COLUMNS}
        return cls(np.empty(0, np.int64), [], columns, np.empty((0, 0), np.float32))

    @classmethod
    def join(cls, parts: Sequence["Pictures"]) -> "Pictures":
        """Return parts that all have descriptors as one."""
        if not parts:
            return cls.empty()
        return cls(
            np.concatenate([part.ids for part in parts]),
            [path for part in parts for path in part.paths],
            {name: np.concatenate([part.columns[name] for part in parts]) for name in COLUMNS},
            np.concatenate([part.features for part in parts if part.features is not None]),
        )

    def take(self, rows: np.ndarray) -> "Pictures":
        """Return some of them, in that order."""
        return Pictures(
            self.ids[rows],
            [self.paths[row] for row in rows],
            {name: values[rows] for name, values in self.columns.items()},
            None if self.features is None else self.features[rows],
        )


@dataclass(frozen=True)
class Filters:
    """Which pictures may be found; None leaves a column open.

    Attributes:
        members (dict[str, np.ndarray]): By column, the values that it may have.
        times (tuple[float, float] | None): The first and the last, both included.
        not_cameras (np.ndarray | None): Cameras whose pictures are left out.
    """

    members: dict[str, np.ndarray]
    times: tuple[float, float] | None
    not_cameras: np.ndarray | None = None

    @classmethod
    def of(cls, times: tuple[float, float] | None, **members: Collection[int] | None) -> "Filters":
        """Check filters as a user gives them.

        Raises:
            ValueError: One is of another type or shape.
        """
        given = {
            name: as_integers(name, values)
            for name, values in members.items()
            if values is not None
        }
        return cls(given, None if times is None else check_times(times))

    def allowed(self, columns: dict[str, np.ndarray], alive: np.ndarray) -> np.ndarray:
        """Return which of N rows may be found, (N,) bool, among those that are ``alive``."""
        for name, values in self.members.items():
            alive = alive & np.isin(columns[name], values)
        if self.not_cameras is not None:
            alive = alive & ~np.isin(columns["cameras"], self.not_cameras)
        if self.times is not None:
            first, last = self.times
            alive = alive & (columns["times"] >= first) & (columns["times"] <= last)
        return alive


# Of one query: similarities (n,), the largest first, and the pictures that have them.
Found = tuple[np.ndarray, Pictures]


class Storage(Protocol):
    """Keeps pictures for a gallery. All calls may come from several threads at once."""

    fingerprint: str
    most: int | None  # pictures that a query can find

    @property
    def width(self) -> int | None:
        """Numbers of a descriptor; None as long as there is none."""

    def __len__(self) -> int: ...

    def new_ids(self, number: int) -> np.ndarray:
        """Return ids (number,) that were never given before."""

    def add(self, pictures: Pictures) -> None:
        """Add pictures; one whose id is there replaces it."""

    def remove(self, ids: np.ndarray) -> None:
        """Remove pictures, or raise KeyError if one is not there, and remove none."""

    def nearest(
        self, query: np.ndarray, k: int, filters: Filters, with_features: bool = False
    ) -> list[Found]:
        """Return up to k pictures for each query (Q, D), with their descriptors if asked for."""

    def distinct(self, name: str) -> list[int]:
        """Return the different values of a column, sorted."""

    def batches(self) -> Iterator[Pictures]:
        """Yield all pictures with their descriptors, in parts."""

    def close(self) -> None:
        """Let go of what is open."""
