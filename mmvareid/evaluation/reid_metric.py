"""The metric of MMEngine's loops: collect features, rank, average."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from mmvareid.registry import METRICS

from .ranking import Ranking, rank
from .reranking import rerank_options
from .similarity import METRICS as SIMILARITIES
from .viewpoint_scores import ViewpointTest

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
        rerank (bool | dict): Report also 'reid/rerank/mAP' and so on, by k-reciprocal re-ranking
            of the same features; a dict sets its ``k1``, ``k2`` and ``lambda_value``.
        viewpoints (bool): Report also 'reid/single/front/mAP' and so on, see
            :meth:`mmvareid.evaluation.ViewpointTest.scores`; nothing if no viewpoint is known.
        collect_device (str): 'cpu' or 'gpu', see mmengine's ``BaseMetric``.
        prefix (str, optional): Of the names, in place of 'reid'.
        collect_dir (str, optional): A folder that the processes share, see ``BaseMetric``.
    """

    default_prefix = "reid"

    def __init__(
        self,
        metric: str = "cosine",
        topk: Sequence[int] = (1, 5, 10),
        rerank: bool | dict = False,
        viewpoints: bool = False,
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
        rerank_options(rerank)
        self.rerank = rerank
        self.viewpoints = viewpoints

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
            view = int(sample.get("viewpoint", -1))
            self.results.append({"feature": feature, "viewpoint": view, **ids})

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Rank all gallery samples for all queries.

        Args:
            results (list[dict]): What ``process`` kept, of the whole dataset.

        Returns:
            dict[str, float]: 'mAP', 'mINP' and 'Rank-k', in percent, and what the options add.
        """
        features = torch.stack([result["feature"] for result in results])
        persons, cameras, viewpoints, is_query = (
            np.array([result[key] for result in results])
            for key in ("person_id", "camera_id", "viewpoint", "is_query")
        )
        is_query = is_query.astype(bool)
        if not is_query.any() or is_query.all():
            raise ValueError(
                "the test set has to have queries and a gallery, but got "
                f"{is_query.sum()} samples with is_query and {(~is_query).sum()} without"
            )
        query, gallery = np.flatnonzero(is_query), np.flatnonzero(~is_query)

        def ranked(rerank: bool | dict) -> Ranking:
            return rank(
                *(features[torch.as_tensor(query)], features[torch.as_tensor(gallery)]),
                *(persons[query], persons[gallery], cameras[query], cameras[gallery]),
                metric=self.metric,
                rerank=rerank,
            )

        ranking = ranked(rerank=False)
        print_log(_describe(ranking, persons[query], persons[gallery]), logger="current")
        scores = ranking.summary(self.topk)
        if self.rerank is not False:
            again = ranked(self.rerank).summary(self.topk)
            scores.update({f"rerank/{name}": value for name, value in again.items()})
        if self.viewpoints and (viewpoints >= 0).any():
            unknown = int((viewpoints < 0).sum())
            print_log(
                f"ReIDMetric: viewpoints of {len(results) - unknown} images are known; {unknown} "
                "are left out of the scores by viewpoint",
                logger="current",
            )
            test = ViewpointTest(features, persons, cameras, viewpoints, is_query, self.metric)
            scores.update(test.scores())
        return scores


def _describe(ranking: Ranking, query_ids: np.ndarray, gallery_ids: np.ndarray) -> str:
    without = int((ranking.num_matches == 0).sum())
    return (
        f"ReIDMetric: {len(query_ids)} queries, {without} of them left out for want of a match; "
        f"{len(gallery_ids)} gallery images, {int((~np.isin(gallery_ids, query_ids)).sum())} of "
        "them of nobody that a query shows"
    )
