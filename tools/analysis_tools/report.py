"""Writes an evaluation of one model, or of two side by side, as one HTML page."""

import argparse
import hashlib
from dataclasses import fields
from pathlib import Path

import torch
from mmengine.config import Config, DictAction
from mmpretrain.registry import DATASETS

from mmvareid.apis import (
    FeatureSet,
    dataset_infos,
    extract_features,
    inference_dataloader,
    load_model,
    select_images,
)
from mmvareid.config import load_config
from mmvareid.evaluation import Descriptors, Scoring
from mmvareid.visualization import ReportedModel, model_labels, write_report


def parse_args() -> argparse.Namespace:
    """Read the command line; ``models`` and ``labels`` are those of all models."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config file")
    parser.add_argument("checkpoint", help="checkpoint file")
    parser.add_argument(
        "--compare", nargs=2, metavar=("CONFIG", "CHECKPOINT"), help="a second model"
    )
    parser.add_argument(
        "--labels", nargs="+", help="a name for each model; by default the configs'"
    )
    parser.add_argument(
        "--out", type=Path, required=True, help=".html to write; .json comes beside"
    )
    parser.add_argument("--queries", type=int, default=6, help="to draw of each kind")
    parser.add_argument("--device", help="by default the GPU if there is one")
    parser.add_argument(
        "--cfg-options", nargs="+", action=DictAction, help="override each config: key=value"
    )
    args = parser.parse_args()
    args.models = [(args.config, args.checkpoint), *([args.compare] if args.compare else [])]
    try:
        args.labels = model_labels(args.models, args.labels)
    except ValueError as error:
        parser.error(str(error))
    if args.out.suffix != ".html":
        parser.error(f"--out has to end in .html, but got {args.out}")
    if args.queries < 1:
        parser.error(f"--queries has to be at least 1, but got {args.queries}")
    return args


def score(label: str, cfg: Config, checkpoint: str, found: FeatureSet) -> ReportedModel:
    """Score features by the switches of the config's metric, by viewpoint in any case."""
    table = Descriptors(
        torch.from_numpy(found.features),
        *(found.column(key) for key in ("person_id", "camera_id", "viewpoint", "is_query")),
    )
    chosen = {field.name for field in fields(Scoring)} & {*cfg.test_evaluator}
    scoring = Scoring(**{**{key: cfg.test_evaluator[key] for key in chosen}, "viewpoints": True})
    return ReportedModel(
        label,
        found.features,
        scoring.score(table),
        table.rank(metric=scoring.metric, ap=scoring.ap),
        cfg.pretty_text,
        checkpoint,
        hashlib.sha256(Path(checkpoint).read_bytes()).hexdigest(),
    )


def main() -> None:
    args = parse_args()
    # What can be wrong is looked for first: an error is not to come after minutes of work.
    configs = [load_config(config, args.cfg_options) for config, _ in args.models]
    loaders = [inference_dataloader(cfg, "test") for cfg in configs]
    infos = dataset_infos(DATASETS.build({**loaders[0]["dataset"], "pipeline": []}))
    loaders = [select_images(loader, infos) for loader in loaders]
    checkpoints = [checkpoint for _, checkpoint in args.models]
    networks = [
        load_model(cfg, checkpoint, args.device)
        for cfg, checkpoint in zip(configs, checkpoints, strict=True)
    ]
    models = [
        score(label, cfg, checkpoint, extract_features(network, loader, label))
        for label, cfg, checkpoint, network, loader in zip(
            args.labels, configs, checkpoints, networks, loaders, strict=True
        )
    ]
    kind = str(configs[0].test_dataloader.dataset.type).rsplit(".", 1)[-1]
    write_report(models, infos, f"{' and '.join(args.labels)} on {kind}", args.out, args.queries)
    scores = ", ".join(f"{model.label} {model.scores['mAP']:.1f} mAP" for model in models)
    print(f"{args.out}: {scores}")


if __name__ == "__main__":
    main()
