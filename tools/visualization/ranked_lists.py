"""Draws what one model, or two side by side, find first for some queries of the test split."""

import argparse
from pathlib import Path

import numpy as np

from mmvareid.apis import FeatureSet, dataset_infos
from mmvareid.fileio.images import PICTURE_ENDINGS, write_picture
from mmvareid.fileio.outputs import check_outputs
from mmvareid.visualization import choose_queries, draw_ranked_lists, ranked_lists
from mmvareid.visualization.compared_models import (
    compared_features,
    compared_models,
    model_parser,
    parse_labels,
    show_same_images,
)
from mmvareid.visualization.query_choice import CHOICES


def parse_args() -> argparse.Namespace:
    """Read the command line; ``labels`` are those of all models."""
    parser = model_parser(__doc__, out="picture to write")
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
    args = parser.parse_args()
    args.labels = parse_labels(parser, args)
    if args.choose == "differ" and not args.compare:
        parser.error("--choose differ has to have two models, but got one; add --compare")
    if args.topk < 1:
        parser.error(f"--topk has to be at least 1, but got {args.topk}")
    if args.ignored < 0:
        parser.error(f"--ignored has to be at least 0, but got {args.ignored}")
    if args.queries == ["0"]:
        parser.error("--queries has to be at least 1, but got 0")
    check_outputs(parser, args.out, endings=PICTURE_ENDINGS)
    return args


def main() -> None:
    args = parse_args()
    models, dataset = compared_models(args, args.labels)
    infos = dataset_infos(dataset)
    number = int(args.queries[0]) if args.queries[0].isdecimal() and len(args.queries) == 1 else 0
    queries = np.array([]) if number else queries_named(args.queries, infos)
    show_same_images(models, infos)
    found = compared_features(models, args.device)
    if number:
        how = args.choose or ("differ" if args.compare else "random")
        aps = [average_precision(features) for features in found] if how != "random" else []
        queries = choose_queries(infos, number, how, aps, args.seed)
    lists = {
        f"Top-{args.topk} {label}": ranked_lists(
            features.features, infos, queries, args.topk, args.ignored
        )
        for label, features in zip(args.labels, found, strict=True)
    }
    write_picture(args.out, draw_ranked_lists(lists, infos)[..., ::-1])
    print(f"{len(queries)} queries of {sum(info['is_query'] for info in infos)}: {args.out}")


def average_precision(found: FeatureSet) -> np.ndarray:
    """AP of each query, in the order of the infos; NaN without a match."""
    return found.table().rank().ap


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
