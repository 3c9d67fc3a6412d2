"""What a viewpoint file is worth for a dataset, and how far two of them agree."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Audit:
    """Viewpoints of a split's images.

    Attributes:
        images (int): Images of the split.
        unlisted (int): Those that the file does not name.
        unknown (int): Those that it names with -1.
        noise (int): Those that it names with the fine name noise, whatever their view.
        by_camera (dict[int, np.ndarray]): Images of each view, (V,), in each camera.
        people (int): Identities of the split.
        lacking (np.ndarray): Identities without an image of each view, (V,).
    """

    images: int
    unlisted: int
    unknown: int
    noise: int
    by_camera: dict[int, np.ndarray]
    people: int
    lacking: np.ndarray


def audit_viewpoints(
    viewpoints: Mapping[str, tuple[int, str | None]], samples: Sequence[dict], views: int
) -> Audit:
    """Count viewpoints over the samples of a split.

    Args:
        viewpoints (Mapping): Image name -> view, -1 where unknown, and fine name, None if it has
            none; as of :func:`load_fine_viewpoints`.
        samples (Sequence[dict]): With ``name``, ``person_id`` and ``camera_id``.
        views (int): V.
    """
    found = [viewpoints.get(sample["name"], (-2, None)) for sample in samples]
    labels = np.array([view for view, _ in found])
    cameras = np.array([sample["camera_id"] for sample in samples])
    persons = np.array([sample["person_id"] for sample in samples])
    known = labels >= 0
    people = np.unique(persons)
    seen = np.zeros((len(people), views), dtype=bool)
    seen[np.searchsorted(people, persons[known]), labels[known]] = True
    return Audit(
        images=len(samples),
        unlisted=int((labels == -2).sum()),
        unknown=int((labels == -1).sum()),
        noise=sum(name == "noise" for _, name in found),
        by_camera={
            int(camera): np.bincount(labels[known & (cameras == camera)], minlength=views)
            for camera in np.unique(cameras)
        },
        people=len(people),
        lacking=(~seen).sum(axis=0),
    )


def confusion(first: Mapping[str, int], second: Mapping[str, int], views: int) -> np.ndarray:
    """Count images by the view that two files give them, ``(V, V)``, the first one's in rows.

    Only images whose view both know are counted.
    """
    counts = np.zeros((views, views), dtype=np.int64)
    for name, view in first.items():
        other = second.get(name, -1)
        if view >= 0 and other >= 0:
            counts[view, other] += 1
    return counts
