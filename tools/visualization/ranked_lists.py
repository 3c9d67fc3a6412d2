"""Draws what one model, or two side by side, find first for some queries of the test split."""

import argparse
from pathlib import Path

import cv2
import numpy as np
from mmengine.config import DictAction
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
from mmvareid.evaluation import rank
from mmvareid.visualization import choose_queries, draw_ranked_lists, model_labels, ranked_lists
from mmvareid.visualization.query_choice import CHOICES


def parse_args() -> argparse.Namespace:
    """Read the command line; ``models`` and ``labels`` are those of all models."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config file")
    parser.add_argument("checkpoint", help="checkpoint file")
    parser.add_argument(
        "--compare", nargs=2, metavar=("CONFIG", "CHECKPOINT"), help="a second model, drawn beside"
    )
    parser.add_argument(
        "--labels", nargs="+", help="a name for each model; by default the configs'"
    )
    parser.add_argument("--out", type=Path, required=True, help="picture to write")
    parser.add_argument("--topk", type=int, default=5, help="ranks to draw")
    parser.add_argument(
        "--ignored", type=int, default=2, help="ignored images to draw at most in each list"
    )
    parser.add_argument(
        "--queries", nargs="+", default=["4"], help="how many queries, or file names of queries"
    )
    parser.add_argument(
        "--choose",
        choices=CHOICES,
        help="which queries: worst and best by the first model's AP; differ: where the second "
        "model gains most, the default with --compare; else random",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the choice")
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
    if args.choose == "differ" and not args.compare:
        parser.error("--choose differ has to have two models, but got one; add --compare")
    if args.topk < 1:
        parser.error(f"--topk has to be at least 1, but got {args.topk}")
    if args.ignored < 0:
        parser.error(f"--ignored has to be at least 0, but got {args.ignored}")
    if args.queries == ["0"]:
        parser.error("--queries has to be at least 1, but got 0")
    if not cv2.haveImageWriter(str(args.out)):
        parser.error(f"--out has to end in .png or .jpg, but got {args.out}")
    return args


def main() -> None:
    args = parse_args()
    # What can be wrong is looked for first: an error is not to come after minutes of work.
    configs = [load_config(config, args.cfg_options) for config, _ in args.models]
    loaders = [inference_dataloader(cfg, "test") for cfg in configs]
    infos = dataset_infos(DATASETS.build({**loaders[0]["dataset"], "pipeline": []}))
    number = int(args.queries[0]) if args.queries[0].isdecimal() and len(args.queries) == 1 else 0
    queries = np.array([]) if number else queries_named(args.queries, infos)
    loaders = [select_images(loader, infos) for loader in loaders]
    found = [
        extract_features(load_model(cfg, checkpoint, args.device), loader, label)
        for label, cfg, (_, checkpoint), loader in zip(
            args.labels, configs, args.models, loaders, strict=True
        )
    ]
    if number:
        how = args.choose or ("differ" if args.compare else "random")
        aps = [average_precision(features) for features in found] if how != "random" else []
        queries = choose_queries(infos, number, how, aps, args.seed)
    models = {
        f"Top-{args.topk} {label}": ranked_lists(
            features.features, infos, queries, args.topk, args.ignored
        )
        for label, features in zip(args.labels, found, strict=True)
    }
    args.out.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(args.out), draw_ranked_lists(models, infos)[..., ::-1])
    print(f"{len(queries)} queries of {sum(info['is_query'] for info in infos)}: {args.out}")


def average_precision(found: FeatureSet) -> np.ndarray:
    """AP of each query, in the order of the infos; NaN without a match."""
    query = found.column("is_query")
    features, ids, cameras = found.features, found.column("person_id"), found.column("camera_id")
    return rank(
        features[query], features[~query], ids[query], ids[~query], cameras[query], cameras[~query]
    ).ap


def queries_named(names: list[str], infos: list[dict]) -> np.ndarray:
    """Indices of queries by the names of their files."""
    indices = {Path(info["img_path"]).name: i for i, info in enumerate(infos) if info["is_query"]}
    unknown = [name for name in names if name not in indices]
    if unknown:
        raise ValueError(
            f"--queries has to be a number or names of query images such as {next(iter(indices))}, "
            f"but got {', '.join(unknown)}"
        )
    return np.array([indices[name] for name in names])


if __name__ == "__main__":
    main()
