"""The metric of MMEngine's loops: collect features, rank, average."""

import logging
from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from mmengine.dist import broadcast_object_list, get_dist_info
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from mmvareid.fileio.outputs import check_output
from mmvareid.registry import METRICS

from .scores.scoring import Scoring
from .table import COLUMNS, Descriptors, sample_row


@METRICS.register_module()
class ReIDMetric(BaseMetric):
    """mAP, mINP and Rank-k of a test set whose samples say which are queries.

    Each data sample has ``feature`` (``(D,)``), ``person_id``, ``camera_id`` and ``is_query``. See
    :func:`mmvareid.evaluation.rank` for what is ignored, and for ties.

    With several processes the first one gathers the features, as tensors, drops what the sampler
    added to make shares equal, and ranks. Should it raise an error, the others wait for it until
    the launcher ends them; torchrun does.

    Args:
        prefix (str, optional): Of the names, in place of 'reid'.
        dump (str, optional): Write the features to this .npz file too, see
            :meth:`mmvareid.evaluation.Descriptors.load`. Where that fails, scores are given all
            the same, and ``dump_error`` says why.
        device (str, optional): Where to rank. Defaults to the GPU, if there is one with room for
            the features and what is done with them, and else to the CPU.
        **scoring: As of :class:`mmvareid.evaluation.Scoring`: ``metric``, ``topk``, ``rerank`` ...
    """

    default_prefix = "reid"

    def __init__(
        self,
        prefix: str | None = None,
        dump: str | None = None,
        device: str | None = None,
        **scoring: Any,
    ) -> None:
        super().__init__(prefix=prefix)
        self.scoring = Scoring.of_options(type(self).__name__, scoring)
        if dump:
            check_output(dump, [".npz"])
        self.dump, self.device, self.dump_error = dump, device, ""

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep features and what is known of each sample."""
        self.results += map(sample_row, _on_host(data_samples))

    def evaluate(self, size: int) -> dict[str, float]:
        """Gather all samples in the first process, score them, and tell the others.

        Args:
            size (int): Images of the dataset; what shares have beyond it is dropped.
        """
        if not self.results:
            raise ValueError("the test set has to have an image for each process, but one got none")
        features = torch.stack([feature for feature, _ in self.results])
        known = torch.tensor([columns for _, columns in self.results])  # (n, 4)
        self.results.clear()
        process, processes = get_dist_info()
        if processes > 1:
            features, known = (_gather(rows, -(-size // processes)) for rows in (features, known))
        told: list[Any] = [None]
        if process == 0:
            scores = self.compute_metrics([features[:size], known[:size].numpy()])
            told = [{f"{self.prefix}/{name}": value for name, value in scores.items()}]
        broadcast_object_list(told)
        return told[0]

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Score features (N, D) and columns (N, 4) of the whole dataset."""
        features, known = results
        columns = dict(zip(COLUMNS, known.T, strict=True))
        columns["is_query"] = columns["is_query"].astype(bool)
        table = Descriptors(features.to(self.device or _roomy_device(features)), **columns)
        scores = self.scoring.score(table)
        if self.dump:
            try:
                table.save(self.dump)
            except OSError as error:  # a full disk is not to cost what was computed
                self.dump_error = f"the features were not written to {self.dump}: {error}"
                print_log(self.dump_error, logger="current", level=logging.ERROR)
        return scores


def _on_host(samples: Sequence[dict]) -> Sequence[dict]:
    """Return samples with features on the CPU, fetched in one copy where they are elsewhere."""
    features = [sample.get("feature") for sample in samples]
    if not all(isinstance(one, torch.Tensor) and one.device.type != "cpu" for one in features):
        return samples
    rows = torch.stack(features).detach().cpu()  # type: ignore[arg-type]
    return [{**sample, "feature": row} for sample, row in zip(samples, rows, strict=True)]


def _roomy_device(features: torch.Tensor) -> str:
    """Return the GPU, if features (N, D) take at most a fourth of what is free there."""
    if not torch.cuda.is_available():
        return "cpu"
    free = torch.cuda.mem_get_info()[0]
    free += torch.cuda.memory_reserved() - torch.cuda.memory_allocated()
    return "cuda" if 4 * features.numel() * 4 <= free else "cpu"


def _gather(rows: torch.Tensor, share: int) -> torch.Tensor:
    """Gather (n, ...) of each of R processes in the first one, in the dataset's order.

    MMEngine's sampler gives sample i to process i mod R. Some may lack the last one of their share;
    what fills its place is past the end of the dataset. Other processes get their own back.
    """
    if len(rows) > share:
        raise ValueError(
            f"a process has to have {share} samples at most, but got {len(rows)}; test with "
            "sampler=dict(type='DefaultSampler', shuffle=False)"
        )
    process, processes = get_dist_info()
    device = "cuda" if dist.get_backend() == "nccl" else "cpu"
    rows = F.pad(rows, (0, 0, 0, share - len(rows))).to(device)
    parts = [torch.empty_like(rows) for _ in range(processes)] if process == 0 else None
    dist.gather(rows, parts)
    return torch.stack(parts, dim=1).flatten(0, 1).cpu() if parts else rows.cpu()
