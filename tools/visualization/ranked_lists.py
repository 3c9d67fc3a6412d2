"""Draws what one model, or two side by side, find first for some queries of the test split."""

import argparse
from pathlib import Path

import cv2
import numpy as np
from mmengine.config import Config, DictAction

from mmvareid.apis.features import FeatureSet, extract_features, load_model
from mmvareid.config import load_config
from mmvareid.evaluation import rank
from mmvareid.visualization import choose_queries, draw_ranked_lists, ranked_lists
from mmvareid.visualization.query_choice import CHOICES


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config file")
    parser.add_argument("checkpoint", help="checkpoint file")
    parser.add_argument(
        "--compare",
        nargs=2,
        metavar=("CONFIG", "CHECKPOINT"),
        help="a second model, to draw at the right of the first",
    )
    parser.add_argument("--titles", nargs="+", help="names of the models; by default the configs'")
    parser.add_argument("--out", required=True, help="picture to write")
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
        "--cfg-options",
        nargs="+",
        action=DictAction,
        help="override the config, with --compare both of them: key=value",
    )
    args = parser.parse_args()
    models = 2 if args.compare else 1
    if args.choose == "differ" and models == 1:
        parser.error("--choose differ has to have two models, but got one; add --compare")
    if args.titles and len(args.titles) != models:
        parser.error(f"--titles has to have {models} names, but got {len(args.titles)}")
    if args.topk < 1:
        parser.error(f"--topk has to be at least 1, but got {args.topk}")
    if args.ignored < 0:
        parser.error(f"--ignored has to be at least 0, but got {args.ignored}")
    if args.queries == ["0"]:
        parser.error("--queries has to be at least 1, but got 0")
    if not cv2.haveImageWriter(args.out):
        parser.error(f"--out has to end in .png or .jpg, but got {args.out}")
    return args


def main() -> None:
    args = parse_args()
    pairs = [(args.config, args.checkpoint), *([args.compare] if args.compare else [])]
    titles = args.titles or [Path(config).stem for config, _ in pairs]
    # Both configs first: an error in the second is not to come after minutes of work.
    configs = [load_config(config, args.cfg_options) for config, _ in pairs]
    found = [
        features_of(cfg, checkpoint, title, args.device)
        for cfg, (_, checkpoint), title in zip(configs, pairs, titles, strict=True)
    ]
    infos = found[0].infos
    for other in found[1:]:
        if [info["img_path"] for info in other.infos] != [info["img_path"] for info in infos]:
            raise ValueError(
                f"both models have to be on the same images, but got {len(infos)} images such as "
                f"{infos[0]['img_path']}, and {len(other.infos)} such as "
                f"{other.infos[0]['img_path']}; set data_root by --cfg-options"
            )
    if len(args.queries) == 1 and args.queries[0].isdecimal():
        how = args.choose or ("differ" if args.compare else "random")
        aps = [average_precision(features) for features in found] if how != "random" else []
        queries = choose_queries(infos, int(args.queries[0]), how, aps, args.seed)
    else:
        queries = queries_named(args.queries, infos)
    models = {
        f"Top-{args.topk} {title}": ranked_lists(
            features.features, infos, queries, args.topk, args.ignored
        )
        for title, features in zip(titles, found, strict=True)
    }
    Path(args.out).parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(args.out, draw_ranked_lists(models, infos)[..., ::-1])
    print(f"{len(queries)} queries of {sum(info['is_query'] for info in infos)}: {args.out}")


def features_of(cfg: Config, checkpoint: str, title: str, device: str | None) -> FeatureSet:
    return extract_features(load_model(cfg, checkpoint, device), cfg.test_dataloader, title)


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
