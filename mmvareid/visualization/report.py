"""An evaluation of one model, or of two side by side, as a page to read."""

import json
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import mmcv
import mmengine
import mmpretrain
import numpy as np
import torch
from matplotlib import rc_context
from matplotlib.figure import Figure

import mmvareid
from mmvareid.evaluation import Ranking, score_tables

from .query_choice import choose_queries
from .ranked_list import ranked_lists
from .ranked_list_picture import draw_ranked_lists
from .report_page import (
    details,
    drawing,
    heading,
    page,
    paragraph,
    photograph,
    rich_table,
    table,
)
from .viewpoint_matrix import draw_viewpoint_matrix, pair_matrices

_RANKS = 50  # of the CMC curve
_ON_A_PICTURE = 50  # queries; a JPEG has at most 65,535 rows
_TOPK = {1: 9, 2: 5}  # of the ranked lists, by the number of models
_SHOWN = ("mAP", "mINP", "Rank-", "rerank/", "expanded/", "single_shot/")  # of a comparison


@dataclass(frozen=True, eq=False)  # arrays have no single equality
class ReportedModel:
    """What a report says of one model.

    Attributes:
        label (str): Its name.
        features (np.ndarray): Unit descriptors ``(N, D)`` of all test images.
        scores (dict[str, float]): As of :meth:`mmvareid.evaluation.Scoring.score`, in percent.
        ranking (Ranking): Of the queries, in the order of the infos.
        config (str): The merged config.
        checkpoint (str): Its path.
        sha256 (str): Of the checkpoint's bytes.
    """

    label: str
    features: np.ndarray
    scores: dict[str, float]
    ranking: Ranking
    config: str
    checkpoint: str
    sha256: str


@rc_context({"text.parse_math": False})  # a label may hold a dollar
def write_report(
    models: Sequence[ReportedModel], infos: Sequence[dict], title: str, out: Path, queries: int = 6
) -> None:
    """Write the page and, beside it, its figures as JSON.

    Args:
        models (Sequence[ReportedModel]): One, or two that are compared, on the same images.
        infos (Sequence[dict]): What is known of the N images, see
            :class:`mmvareid.apis.FeatureSet`.
        title (str): Of the page.
        out (Path): ``.html`` file to write; ``.json`` stands beside it.
        queries (int): How many of the best, the worst, and those that differ most are drawn.
    """
    parts = [_scores(models), heading("Curves"), _curves(models), *_viewpoints(models)]
    parts += [_cameras(models, infos)]
    aps = [model.ranking.ap for model in models]
    chosen = {
        "Worst queries": choose_queries(infos, queries, "worst", aps),
        "Best queries": choose_queries(infos, queries, "best", aps),
    }
    if len(models) == 2:
        chosen["Queries that gain most"] = choose_queries(infos, queries, "differ", aps)
        chosen["Queries that lose most"] = choose_queries(infos, queries, "differ", aps[::-1])
    for title_of_lists, indices in chosen.items():
        parts += [heading(title_of_lists), *_lists(models, infos, indices, title_of_lists)]
    parts += [heading("How it was made"), *_origin(models, infos)]
    text = page(title, parts)
    facts = {
        "title": title,
        "environment": environment(),
        "models": [
            {"label": m.label, "checkpoint": m.checkpoint, "sha256": m.sha256, "scores": m.scores}
            for m in models
        ],
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding="utf-8")
    out.with_suffix(".json").write_text(json.dumps(facts, indent=2) + "\n")


def environment() -> dict[str, str]:
    """Return versions and the machine, by name."""
    cuda = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    return {
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "mmvareid": mmvareid.__version__,
        "mmengine": mmengine.__version__,
        "mmcv": mmcv.__version__,
        "mmpretrain": mmpretrain.__version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "GPU": cuda,
    }


def _scores(models: Sequence[ReportedModel]) -> str:
    if len(models) == 2:
        one, other = (model.scores for model in models)
        names = [name for name in one if name in other and name.startswith(_SHOWN)]
        rows = [
            (name, f"{one[name]:.1f}", f"{other[name]:.1f}", f"{other[name] - one[name]:+.1f}")
            for name in names
        ]
        return table(["%", *(model.label for model in models), "difference"], rows)
    scores = {f"reid/{name}": value for name, value in models[0].scores.items()}
    return "\n".join(rich_table(found) for found in score_tables(scores))


def _curves(models: Sequence[ReportedModel]) -> str:
    """CMC curves, and how often each AP comes."""
    figure = Figure(figsize=(10, 3.4), layout="constrained")
    cmc, histogram = figure.subplots(1, 2)
    ranks = np.arange(1, _RANKS + 1)
    for style, model in zip(("-", "--"), models, strict=False):
        hits = model.ranking.first_hit[model.ranking.num_matches > 0]
        share = 100 * (hits[None] < ranks[:, None]).mean(axis=1)
        cmc.plot(ranks, share, style, label=model.label)
        ap = 100 * model.ranking.ap[model.ranking.num_matches > 0]
        edges = np.linspace(0, 100, 21)
        histogram.hist(ap, edges, histtype="step", linestyle=style, label=model.label)
    cmc.set(title="CMC", xlabel="rank", ylabel="queries with a match, %", xlim=(1, _RANKS))
    cmc.set_ylim(top=100)
    histogram.set(title="AP of queries", xlabel="AP, %", ylabel="queries", xlim=(0, 100))
    for axes in (cmc, histogram):
        axes.grid(alpha=0.3)
    cmc.legend(loc="lower right")
    return drawing(figure)


def _viewpoints(models: Sequence[ReportedModel]) -> list[str]:
    found = [(model.label, *pair_matrices(model.scores)) for model in models]
    names = found[0][2]
    if not names:
        return []
    pictures = {
        f"{metric}, {label}" if len(models) > 1 else metric: matrix
        for label, matrices, _ in found
        for metric, matrix in matrices.items()
        if metric == "mAP" or len(models) == 1
    }
    picture = draw_viewpoint_matrix(pictures, names)
    return [heading("From viewpoint to viewpoint"), photograph(picture, "Scores by viewpoints")]


def _cameras(models: Sequence[ReportedModel], infos: Sequence[dict]) -> str:
    cameras = np.array([info["camera_id"] for info in infos if info["is_query"]])
    rows = []
    for camera in np.unique(cameras):
        mine = [
            model.ranking.ap[(cameras == camera) & (model.ranking.num_matches > 0)]
            for model in models
        ]
        values = [f"{100 * ap.mean():.1f}" if len(ap) else "" for ap in mine]
        rows.append((camera, len(mine[0]), *values))
    headers = ["query's camera", "queries", *(f"mAP, {model.label}" for model in models)]
    return heading("By camera") + table(headers, rows)


def _lists(
    models: Sequence[ReportedModel], infos: Sequence[dict], chosen: np.ndarray, title: str
) -> list[str]:
    """Ranked lists of some queries, and their names."""
    aps = [model.ranking.ap for model in models]
    topk = _TOPK[len(models)]
    pictures = []
    for start in range(0, len(chosen), _ON_A_PICTURE):
        some = chosen[start : start + _ON_A_PICTURE]
        lists = {m.label: ranked_lists(m.features, infos, some, topk, 1) for m in models}
        pictures.append(photograph(draw_ranked_lists(lists, infos), title))
    queries = np.flatnonzero([info["is_query"] for info in infos])
    places = np.searchsorted(queries, chosen)
    rows = [
        (Path(infos[i]["img_path"]).name, *(f"{100 * ap[place]:.1f}" for ap in aps))
        for i, place in zip(chosen, places, strict=True)
    ]
    headers = ["query", *(f"AP, {model.label}" for model in models)]
    return [*pictures, table(headers, rows)]


def _origin(models: Sequence[ReportedModel], infos: Sequence[dict]) -> list[str]:
    queries = sum(info["is_query"] for info in infos)
    people = len({info["person_id"] for info in infos if info["is_query"]})
    return [
        paragraph(
            f"{queries} queries of {people} people, {len(infos) - queries} gallery images; "
            "evaluation as docs/evaluation.md says."
        ),
        table(
            ["model", "checkpoint", "SHA-256"], [(m.label, m.checkpoint, m.sha256) for m in models]
        ),
        table(["", "version"], environment().items()),
        *(details(f"Config of {model.label}", model.config) for model in models),
    ]
