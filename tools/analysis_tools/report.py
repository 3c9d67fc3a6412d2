"""Writes an evaluation of one model, or of two side by side, as one HTML page."""

import argparse
import hashlib
from dataclasses import fields, replace
from pathlib import Path

from mmengine.config import Config

from mmvareid.apis import FeatureSet, dataset_infos
from mmvareid.config.walk import kind
from mmvareid.evaluation import Scoring, pool_queries
from mmvareid.fileio.outputs import check_outputs
from mmvareid.visualization import ReportedModel, write_report
from mmvareid.visualization.compared_models import (
    ComparedModel,
    compared_features,
    compared_models,
    model_parser,
    parse_labels,
    show_same_images,
)


def parse_args() -> argparse.Namespace:
    """Read the command line; ``labels`` are those of all models."""
    parser = model_parser(__doc__, out=".html to write; .json comes beside")
    parser.add_argument("--queries", type=int, default=6, help="to draw of each kind")
    args = parser.parse_args()
    args.labels = parse_labels(parser, args)
    if args.queries < 1:
        parser.error(f"--queries has to be at least 1, but got {args.queries}")
    check_outputs(parser, args.out, endings=[".html"])
    check_outputs(parser, args.out.with_suffix(".json"))
    return args


def scoring_of(cfg: Config) -> Scoring:
    """Return the switches of a config's metric, by viewpoint in any case.

    Raises:
        ValueError: The config has no ReIDMetric, or several.
    """
    found = cfg.test_evaluator
    metrics = [one for one in ([found] if isinstance(found, dict) else found) if _is_ours(one)]
    if len(metrics) != 1:
        raise ValueError(
            f"test_evaluator of {cfg.filename} has to have one mmvareid.ReIDMetric, but has "
            f"{len(metrics)}; give it by --cfg-options test_evaluator.type=mmvareid.ReIDMetric"
        )
    chosen = {field.name for field in fields(Scoring)} & {*metrics[0]}
    return Scoring(**{**{key: metrics[0][key] for key in chosen}, "viewpoints": True})


def _is_ours(evaluator: dict) -> bool:
    return kind(evaluator) == "ReIDMetric"


def pooled(found: FeatureSet, metric: str) -> FeatureSet:
    """Return features whose queries are pooled by person and camera; each shows its first image."""
    table = pool_queries(found.table(), metric)
    first: dict[tuple[int, int], dict] = {}
    for info in found.infos:
        if info["is_query"]:
            first.setdefault((info["person_id"], info["camera_id"]), info)
    queries = [
        {**first[int(person), int(camera)], "viewpoint": int(view)}
        for person, camera, view, asks in zip(
            table.persons, table.cameras, table.viewpoints, table.is_query, strict=True
        )
        if asks
    ]
    gallery = [info for info in found.infos if not info["is_query"]]
    return FeatureSet(table.features.numpy(), [*queries, *gallery])


def score(model: ComparedModel, found: FeatureSet, scoring: Scoring) -> ReportedModel:
    """Score features; their queries are pooled already if they are to be."""
    table, scoring = found.table(), replace(scoring, pool_queries=False)
    return ReportedModel(
        model.label,
        found.features,
        scoring.score(table),
        table.rank(metric=scoring.metric, ap=scoring.ap),
        model.cfg.pretty_text,
        model.checkpoint,
        hashlib.sha256(Path(model.checkpoint).read_bytes()).hexdigest(),
    )


def main() -> None:
    args = parse_args()
    compared, dataset = compared_models(args, args.labels)
    scorings = [scoring_of(model.cfg) for model in compared]
    if len({scoring.pool_queries for scoring in scorings}) > 1:
        raise ValueError(
            "models that are compared have to have the same queries, but pool_queries of "
            "test_evaluator is true in one config alone; set it by --cfg-options"
        )
    show_same_images(compared, dataset_infos(dataset))
    found = compared_features(compared, args.device)
    if scorings[0].pool_queries:
        found = [pooled(one, how.metric) for one, how in zip(found, scorings, strict=True)]
    models = [score(*each) for each in zip(compared, found, scorings, strict=True)]
    infos = found[0].infos
    kind = str(compared[0].cfg.test_dataloader.dataset.type).rsplit(".", 1)[-1]
    write_report(models, infos, f"{' and '.join(args.labels)} on {kind}", args.out, args.queries)
    scores = ", ".join(f"{model.label} {model.scores['mAP']:.1f} mAP" for model in models)
    print(f"{args.out}: {scores}")


if __name__ == "__main__":
    main()
