"""Writes an evaluation of one model, or of two side by side, as one HTML page."""

import argparse
import hashlib
from dataclasses import fields
from pathlib import Path

from mmvareid.apis import FeatureSet, dataset_infos
from mmvareid.evaluation import Scoring
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
    if args.out.suffix != ".html":
        parser.error(f"--out has to end in .html, but got {args.out}")
    if args.queries < 1:
        parser.error(f"--queries has to be at least 1, but got {args.queries}")
    return args


def score(model: ComparedModel, found: FeatureSet) -> ReportedModel:
    """Score features by the switches of the config's metric, by viewpoint in any case."""
    table, evaluator = found.table(), model.cfg.test_evaluator
    chosen = {field.name for field in fields(Scoring)} & {*evaluator}
    scoring = Scoring(**{**{key: evaluator[key] for key in chosen}, "viewpoints": True})
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
    infos = dataset_infos(dataset)
    show_same_images(compared, infos)
    found = compared_features(compared, args.device)
    models = [score(model, one) for model, one in zip(compared, found, strict=True)]
    kind = str(compared[0].cfg.test_dataloader.dataset.type).rsplit(".", 1)[-1]
    write_report(models, infos, f"{' and '.join(args.labels)} on {kind}", args.out, args.queries)
    scores = ", ".join(f"{model.label} {model.scores['mAP']:.1f} mAP" for model in models)
    print(f"{args.out}: {scores}")


if __name__ == "__main__":
    main()
