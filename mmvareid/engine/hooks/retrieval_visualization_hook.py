"""Pictures of the retrieval after validation, in MMEngine's visualizer."""

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.dist import collect_results
from mmengine.hooks import Hook
from mmengine.runner import IterBasedTrainLoop, Runner

from mmvareid.evaluation import Descriptors, viewpoint_matrix
from mmvareid.evaluation.table import COLUMNS, sample_row
from mmvareid.registry import HOOKS
from mmvareid.visualization.query_choice import choose_queries
from mmvareid.visualization.ranked_list import ranked_lists
from mmvareid.visualization.ranked_list_picture import draw_ranked_lists
from mmvareid.visualization.viewpoint_matrix import draw_viewpoint_matrix


@HOOKS.register_module()
class RetrievalVisualizationHook(Hook):
    """Draw what the gallery shows first for some queries, and the scores by viewpoint.

    After validation the pictures ``ranked_lists`` and ``viewpoint_matrix`` are added to
    ``runner.visualizer``, whose backends keep them: ``LocalVisBackend`` as files,
    ``TensorboardVisBackend`` to step through. The queries are the same each time. Without known
    viewpoints there is no matrix.

    During a validation that is drawn, the hook holds the N features as float32 on the CPU, as
    ``ReIDMetric`` does beside it: 4 N D bytes, which are 40 MB for Market-1501's 19,281 test
    images and D = 512. With several processes each holds its share; the first one gets all of
    them by ``collect_results``, as for the metric, and draws.

    Args:
        num_queries (int): Queries to draw, chosen at random among those that have a match.
        topk (int): Ranks to draw of each.
        num_ignored (int): Ignored images to draw of each at most, see
            :func:`mmvareid.visualization.ranked_lists`.
        interval (int): Draw after every ``interval``-th validation.
        matrix (bool): False leaves the viewpoint matrix out; it ranks all test images for all.
        seed (int): Of the choice of queries.
    """

    def __init__(
        self,
        num_queries: int = 4,
        topk: int = 5,
        num_ignored: int = 2,
        interval: int = 1,
        matrix: bool = True,
        seed: int = 0,
    ) -> None:
        lowest = dict(num_queries=1, topk=1, num_ignored=0, interval=1)
        given = dict(num_queries=num_queries, topk=topk, num_ignored=num_ignored, interval=interval)
        for name, value in given.items():
            if value < lowest[name]:
                raise ValueError(f"{name} has to be at least {lowest[name]}, but got {value}")
        self.num_queries, self.topk, self.num_ignored = num_queries, topk, num_ignored
        self.interval, self.matrix, self.seed = interval, matrix, seed
        self._validations = 0
        self._due = False
        self._samples: list[dict] = []

    def before_val_epoch(self, runner: Runner) -> None:
        """Decide whether this validation is drawn."""
        self._validations += 1
        self._due = self._validations % self.interval == 0
        self._samples = []

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Sequence | None = None,
    ) -> None:
        """Keep the features, one result a sample."""
        for sample in (outputs or ()) if self._due else ():
            if "img_path" not in sample:
                raise ValueError(
                    "a prediction has to have img_path, but has not; keep PackInputs' meta_keys, "
                    "or leave RetrievalVisualizationHook out"
                )
            feature, row = sample_row(sample.to_dict())
            info = dict(zip(COLUMNS.values(), row, strict=True), img_path=sample.img_path)
            self._samples.append({**info, "is_query": bool(info["is_query"]), "feature": feature})

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Draw, in the first process."""
        if not self._due:
            return
        infos = collect_results(self._samples, len(runner.val_dataloader.dataset))
        self._samples = []
        if infos is None:
            return
        features = torch.stack([info.pop("feature") for info in infos])
        queries = choose_queries(infos, self.num_queries, seed=self.seed)
        lists = ranked_lists(features, infos, queries, self.topk, self.num_ignored)
        picture = draw_ranked_lists({f"Top-{self.topk}": lists}, infos)
        # No slash in the names: the local backend takes them for names of files.
        runner.visualizer.add_image("ranked_lists", picture, step=_step(runner))

        table = Descriptors.of_infos(features, infos)
        if self.matrix and table.view_names:
            picture = draw_viewpoint_matrix(viewpoint_matrix(table), table.view_names)
            runner.visualizer.add_image("viewpoint_matrix", picture, step=_step(runner))


def _step(runner: Runner) -> int:
    """Epochs or iterations trained so far; 0 in a validation without training."""
    loop = runner._train_loop  # `runner.train_loop` would build it
    if loop is None or isinstance(loop, dict):
        return 0
    return runner.iter if isinstance(loop, IterBasedTrainLoop) else runner.epoch
