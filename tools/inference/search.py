"""Searches pictures of people in a gallery that extract.py made."""

import argparse
import json
import math
from dataclasses import asdict
from pathlib import Path

from mmengine.config import DictAction
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mmvareid.apis import Gallery, Hit, ReIDInferencer, list_images
from mmvareid.config import load_config
from mmvareid.evaluation import view_name
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
    parser.add_argument("--flip", action="store_true", help="as the gallery was made")
    parser.add_argument("--device", help="default: the GPU if there is one")
    parser.add_argument("--out", type=Path, help="write what was found to this JSON file")
    parser.add_argument("--cfg-options", nargs="+", action=DictAction, help="override the config")
    args = parser.parse_args()
    check_outputs(parser, args.out)
    return args


def hit_table(title: str, hits: list[Hit], num_views: int) -> Table:
    """Return what was found for one query."""
    table = Table("", "cosine", "person", "camera", "viewpoint", title=escape(printable(title)))
    table.add_column("picture", overflow="fold")
    for place, hit in enumerate(hits, 1):
        known = [str(value) if value >= 0 else "" for value in (hit.person, hit.camera)]
        view = view_name(hit.viewpoint, num_views) if hit.viewpoint >= 0 else ""
        path = escape(printable(hit.path))
        table.add_row(str(place), f"{hit.similarity:.3f}", *known, view, path)
    return table


def as_json(hit: Hit) -> dict[str, object]:
    """Return a hit with null for a time that is not known; JSON has no NaN."""
    return {**asdict(hit), "time": None if math.isnan(hit.time) else hit.time}


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
    found = gallery.search(
        inferencer(queries),
        args.k,
        args.cameras,
        args.viewpoints,
        together=args.together,
        rerank=args.rerank,
    )
    titles = [f"{len(queries)} pictures together"] if args.together else queries
    if args.out:
        rows = [
            {"query": title, "hits": [as_json(hit) for hit in hits]}
            for title, hits in zip(titles, found, strict=True)
        ]
        args.out.write_text(json.dumps(rows, indent=2, allow_nan=False) + "\n")
    console = Console(highlight=False)
    if not console.is_terminal:  # a file or a pipe: paths stay whole
        console.width = 10_000
    num_views = max(gallery.distinct("viewpoints"), default=-1) + 1
    if args.rerank:
        console.print("The order is that of the re-ranked distance, not of the cosine.")
    for title, hits in zip(titles, found, strict=True):
        console.print(hit_table(title, hits, num_views))


if __name__ == "__main__":
    main()
