"""What a dataset knows of its images, without reading one."""

from collections.abc import Sequence, Sized

import numpy as np

JUNK = -1  # a person id: cut-off boxes and the like, that count for nothing


def dataset_infos(dataset: Sized) -> list[dict]:
    """Return ``dataset.get_data_info(i)`` of each of the N images, N dicts.

    Those of :class:`.ReIDDataset` have ``img_path``, ``gt_label``, ``person_id``, ``camera_id``,
    ``viewpoint`` (-1 where unknown) and ``is_query``.
    """
    return [dataset.get_data_info(i) for i in range(len(dataset))]  # type: ignore[attr-defined]


def queries_with_match(infos: Sequence[dict]) -> np.ndarray:
    """Which of the Q queries have their person in the gallery in another camera, (Q,) bool."""
    cameras: dict[int, set[int]] = {}
    for info in infos:
        if not info["is_query"] and info["person_id"] != JUNK:
            cameras.setdefault(info["person_id"], set()).add(info["camera_id"])
    queries = [info for info in infos if info["is_query"]]
    found = [cameras.get(query["person_id"], set()) - {query["camera_id"]} for query in queries]
    return np.array([bool(others) for others in found], bool)
