"""Searches pictures of people in a gallery that extract.py made."""

import argparse
import json
import math
import re
from dataclasses import asdict
from pathlib import Path

from mmengine.config import DictAction
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mmvareid.apis import Gallery, Hit, ReIDInferencer, list_images
from mmvareid.config import load_config
from mmvareid.datasets import ReIDDataset
from mmvareid.evaluation import PairSimilarities, view_name
from mmvareid.fileio.image_paths import printable
from mmvareid.fileio.outputs import check_outputs


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config file, or the name of one of the package")
    parser.add_argument("checkpoint", help="checkpoint file, the gallery's")
    parser.add_argument("gallery", help=".npz file")
    parser.add_argument("queries", nargs="+", help="pictures, or a folder of them")
    parser.add_argument("--k", type=int, default=10, help="pictures to find for each")
    parser.add_argument("--together", action="store_true", help="the queries are of one person")
    parser.add_argument("--rerank", action="store_true", help="k-reciprocal re-ranking")
    parser.add_argument("--cameras", type=int, nargs="+", help="only these cameras")
    parser.add_argument("--viewpoints", type=int, nargs="+", help="only these: 0 front, 1, 2 back")
    parser.add_argument(
        "--other-cameras",
        action="store_true",
        help="leave out the query's own camera, which its name tells as Market-1501's do, 0002_c1",
    )
    parser.add_argument("--threshold", type=float, help="only pictures above this cosine")
    parser.add_argument(
        "--pairs",
        help="file of `mmvareid verification --out`: says of each hit the share of impostors that "
        "are as similar",
    )
    parser.add_argument(
        "--fpr", type=float, help="with --pairs: only pictures that so few impostors reach, 0.001"
    )
    parser.add_argument("--flip", action="store_true", help="as the gallery was made")
    parser.add_argument("--device", help="default: the GPU if there is one")
    parser.add_argument("--out", type=Path, help="write what was found to this JSON file")
    parser.add_argument("--cfg-options", nargs="+", action=DictAction, help="override the config")
    args = parser.parse_args()
    check_outputs(parser, args.out)
    if args.fpr is not None and (not args.pairs or args.threshold is not None):
        parser.error("--fpr has to have --pairs, and no --threshold beside it")
    return args


def camera_of(path: str) -> int:
    """Return the camera of a picture by its name.

    Raises:
        ValueError: The name tells none.
    """
    match = re.match(ReIDDataset.pattern, Path(path).stem)
    if not match:
        raise ValueError(
            f"--other-cameras has to find the camera in a query's name, as in "
            f"{ReIDDataset.example}, but got {printable(path)}"
        )
    return int(match["camera"])


def hit_table(title: str, hits: list[Hit], num_views: int, pairs: PairSimilarities | None) -> Table:
    """Return what was found for one query, and how many impostors are as similar."""
    heads = ["", "cosine", *(["impostors"] if pairs else []), "person", "camera", "viewpoint"]
    table = Table(*heads, title=escape(printable(title)))
    table.add_column("picture", overflow="fold")
    if not hits:
        table.caption = "nobody"
    for place, hit in enumerate(hits, 1):
        known = [str(value) if value >= 0 else "" for value in (hit.person, hit.camera)]
        view = view_name(hit.viewpoint, num_views) if hit.viewpoint >= 0 else ""
        path = escape(printable(hit.path))
        above = [f"{100 * share_above(hit, pairs):.3g} %"] if pairs else []
        table.add_row(str(place), f"{hit.similarity:.3f}", *above, *known, view, path)
    return table


def share_above(hit: Hit, pairs: PairSimilarities) -> float:
    """Return the share of impostors that are as similar as a hit."""
    return float(pairs.impostors_above(hit.similarity))


def as_json(hit: Hit, pairs: PairSimilarities | None) -> dict[str, object]:
    """Return a hit with null for a time that is not known; JSON has no NaN."""
    above = {"impostors_above": share_above(hit, pairs)} if pairs else {}
    return {**asdict(hit), **above, "time": None if math.isnan(hit.time) else hit.time}


def main() -> None:
    args = parse_args()
    cfg = load_config(args.config, args.cfg_options)
    inferencer = ReIDInferencer(cfg, args.checkpoint, args.device, flip=args.flip)
    gallery = Gallery.load(args.gallery, inferencer.fingerprint)
    queries = [
        path
        for given in args.queries
        for path in (list_images(given) if Path(given).is_dir() else [given])
    ]
    pairs = PairSimilarities.load(args.pairs, inferencer.fingerprint) if args.pairs else None
    threshold = pairs.threshold(args.fpr) if pairs and args.fpr is not None else args.threshold
    found = gallery.search(
        inferencer(queries),
        args.k,
        args.cameras,
        args.viewpoints,
        together=args.together,
        rerank=args.rerank,
        threshold=threshold,
        query_cameras=[camera_of(path) for path in queries] if args.other_cameras else None,
        other_cameras_only=args.other_cameras,
    )
    titles = [f"{len(queries)} pictures together"] if args.together else queries
    if args.out:
        rows = [
            {"query": title, "hits": [as_json(hit, pairs) for hit in hits]}
            for title, hits in zip(titles, found, strict=True)
        ]
        args.out.write_text(json.dumps(rows, indent=2, allow_nan=False) + "\n")
    console = Console(highlight=False)
    if not console.is_terminal:  # a file or a pipe: paths stay whole
        console.width = 10_000
    num_views = max(gallery.distinct("viewpoints"), default=-1) + 1
    if threshold is not None:
        console.print(f"Pictures above the cosine {threshold:.4f}.")
    if args.rerank:
        console.print("The order is that of the re-ranked distance, not of the cosine.")
    for title, hits in zip(titles, found, strict=True):
        console.print(hit_table(title, hits, num_views, pairs))


if __name__ == "__main__":
    main()
