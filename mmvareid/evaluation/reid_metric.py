"""The metric of MMEngine's loops: collect features, rank, average."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from mmvareid.registry import METRICS

from .ranking import Ranking, rank
from .similarity import METRICS as SIMILARITIES

_FIELDS = ("person_id", "camera_id", "is_query")


@METRICS.register_module()
class ReIDMetric(BaseMetric):
    """mAP, mINP and Rank-k of a test set whose samples say which are queries.

    Each data sample has ``feature`` (``(D,)``), ``person_id``, ``camera_id`` and ``is_query``. See
    :func:`mmvareid.evaluation.rank` for what is ignored, and for ties.

    With several processes the first one ranks. Should it raise an error, the others wait for it
    until the launcher ends them; torchrun does.

    Args:
        metric (str): 'cosine' or 'euclidean'.
        topk (Sequence[int]): Ranks k to report as 'reid/Rank-k'.
        collect_device (str): 'cpu' or 'gpu', see mmengine's ``BaseMetric``.
        prefix (str, optional): Of the names, in place of 'reid'.
        collect_dir (str, optional): A folder that the processes share, see ``BaseMetric``.
    """

    default_prefix = "reid"

    def __init__(
        self,
        metric: str = "cosine",
        topk: Sequence[int] = (1, 5, 10),
        collect_device: str = "cpu",
        prefix: str | None = None,
        collect_dir: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix, collect_dir=collect_dir)
        if metric not in SIMILARITIES:
            raise ValueError(f"metric has to be one of {SIMILARITIES}, but got {metric!r}")
        if not topk or any(k < 1 for k in topk):
            raise ValueError(f"topk has to hold ranks from 1 on, but got {topk}")
        self.metric = metric
        self.topk = tuple(topk)

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep one result a sample, so that MMEngine can drop a distributed sampler's padding."""
        for sample in data_samples:
            missing = [name for name in _FIELDS if name not in sample]
            if missing:
                raise ValueError(
                    f"a data sample has to have {missing}, but got only {sorted(sample)}: end the "
                    "test pipeline with PackInputs(algorithm_keys="
                    "('person_id', 'camera_id', 'viewpoint', 'is_query'))"
                )
            if "feature" not in sample:
                raise ValueError(
                    f"a prediction has to have a `feature`, but got only {sorted(sample)}: does "
                    "the model's head set it?"
                )
            # A copy: a row is a view, and would keep and pickle its whole batch.
            feature = sample["feature"].detach().to("cpu", torch.float32, copy=True)
            ids = {name: int(sample[name]) for name in _FIELDS}
            self.results.append({"feature": feature, **ids})

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Rank all gallery samples for all queries.

        Args:
            results (list[dict]): What ``process`` kept, of the whole dataset.

        Returns:
            dict[str, float]: 'mAP', 'mINP' and 'Rank-k', in percent.
        """
        query = [result for result in results if result["is_query"]]
        gallery = [result for result in results if not result["is_query"]]
        if not query or not gallery:
            raise ValueError(
                "the test set has to have queries and a gallery, but got "
                f"{len(query)} samples with is_query and {len(gallery)} without"
            )
        features, ids, cameras = _columns(query)
        gallery_features, gallery_ids, gallery_cameras = _columns(gallery)
        ranking = rank(
            features, gallery_features, ids, gallery_ids, cameras, gallery_cameras, self.metric
        )
        print_log(_describe(ranking, ids, gallery_ids), logger="current")
        return ranking.summary(self.topk)


def _columns(results: list[dict]) -> tuple[torch.Tensor, np.ndarray, np.ndarray]:
    """Features (N, D), persons (N,) and cameras (N,) of results."""
    features = torch.stack([result["feature"] for result in results])
    person, camera = (np.array([r[key] for r in results]) for key in ("person_id", "camera_id"))
    return features, person, camera


def _describe(ranking: Ranking, query_ids: np.ndarray, gallery_ids: np.ndarray) -> str:
    without = int((ranking.num_matches == 0).sum())
    return (
        f"ReIDMetric: {len(query_ids)} queries, {without} of them left out for want of a match; "
        f"{len(gallery_ids)} gallery images, {int((~np.isin(gallery_ids, query_ids)).sum())} of "
        "them of nobody that a query shows"
    )
