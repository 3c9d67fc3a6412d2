"""What a dataset knows of its images, without reading one."""

from collections.abc import Sequence, Sized
from typing import Any

import numpy as np
from torch import Tensor
from torch.utils.data import ConcatDataset, Subset

JUNK = -1  # a person id: cut-off boxes and the like, that count for nothing


# Where torchvision's datasets, and those written like them, keep a label for each sample.
_LABELS = ("targets", "labels")


def dataset_infos(dataset: Sized) -> list[dict]:
    """Return what is known of each of the N samples, N dicts.

    Those of :class:`.ReIDDataset` have ``img_path``, ``gt_label``, ``person_id``, ``camera_id``,
    ``viewpoint`` (-1 where unknown) and ``is_query``. Other datasets are asked for
    ``get_data_info(i)``, as MMEngine's have it, or for ``targets`` or ``labels``, as torchvision's
    have them, which become ``gt_label``. PyTorch's and MMEngine's wrappers (``Subset``,
    ``ConcatDataset``, ``RepeatDataset`` and the like) are looked into.

    Raises:
        TypeError: The dataset has none of these.
    """
    if isinstance(dataset, Subset):
        infos = dataset_infos(dataset.dataset)  # type: ignore[arg-type]
        return [infos[i] for i in dataset.indices]
    if isinstance(dataset, ConcatDataset):
        return [info for part in dataset.datasets for info in dataset_infos(part)]  # type: ignore[arg-type]
    if hasattr(dataset, "_get_ori_dataset_idx"):  # MMEngine's wrappers of one dataset
        infos = dataset_infos(dataset.dataset)  # type: ignore[attr-defined]
        return [infos[dataset._get_ori_dataset_idx(i)] for i in range(len(dataset))]
    if hasattr(dataset, "get_data_info"):
        return [dataset.get_data_info(i) for i in range(len(dataset))]
    labels = next(
        (found for name in _LABELS if (found := getattr(dataset, name, None)) is not None), None
    )
    if labels is None:
        raise TypeError(
            f"{type(dataset).__name__} has to have get_data_info(i), targets or labels, but has "
            "none of them; give IdentitySampler(labels=[...]) the identity of each sample"
        )
    return [{"gt_label": label} for label in whole_numbers(labels).tolist()]


def whole_numbers(labels: Any) -> np.ndarray:
    """Return labels of any sequence, array or tensor as (N,) int64.

    Raises:
        TypeError: They are no whole numbers, or not in one row.
    """
    values = labels.cpu().numpy() if isinstance(labels, Tensor) else np.asarray(labels)
    if values.ndim != 1 or (len(values) and values.dtype.kind not in "iu"):
        raise TypeError(
            "labels have to be whole numbers of shape (N,), but got "
            f"{values.dtype} of shape {values.shape}; number the identities from 0 on"
        )
    return values.astype(np.int64)


def queries_with_match(infos: Sequence[dict]) -> np.ndarray:
    """Which of the Q queries have their person in the gallery in another camera, (Q,) bool."""
    cameras: dict[int, set[int]] = {}
    for info in infos:
        if not info["is_query"] and info["person_id"] != JUNK:
            cameras.setdefault(info["person_id"], set()).add(info["camera_id"])
    queries = [info for info in infos if info["is_query"]]
    found = [cameras.get(query["person_id"], set()) - {query["camera_id"]} for query in queries]
    return np.array([bool(others) for others in found], bool)
