"""Scores features that were saved by any toolbox."""

import argparse
import json
from pathlib import Path

import numpy as np
from mmengine.config import Config, DictAction
from rich.console import Console

from mmvareid.evaluation import Descriptors, Scoring, score_tables
from mmvareid.fileio.outputs import check_outputs


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog="An .npz file holds features (N, D), person_id, camera_id, is_query and, if known, "
        "viewpoint, as tools/test.py --dump writes it; or query_features, query_person_id, "
        "query_camera_id and the same of gallery_. Of .npy files give each array by its name: "
        "query_features=q.npy query_person_id=ids.npy ...",
    )
    parser.add_argument("source", nargs="+", help="one .npz file, or name=file.npy for each array")
    parser.add_argument(
        "--options",
        nargs="+",
        action=DictAction,
        default={},
        help="as of mmvareid.evaluation.Scoring: metric=euclidean rerank=True viewpoints=True ...",
    )
    parser.add_argument("--out", type=Path, help="write the figures to this JSON file")
    args = parser.parse_args()
    check_outputs(parser, args.out)
    return args


def read(source: list[str]) -> Descriptors:
    """Read one .npz file, or the .npy files of arrays by name."""
    if len(source) == 1 and source[0].endswith(".npz"):
        return Descriptors.load(source[0])
    arrays = {}
    for text in source:
        name, found, path = text.partition("=")
        if not found or not path.endswith(".npy"):
            raise ValueError(f"source has to be one .npz file or name=file.npy, but got {text}")
        try:
            arrays[name] = np.load(path, allow_pickle=False)
        except (ValueError, EOFError) as error:
            raise ValueError(
                f"{path} has to be an .npy file, but reading failed: {error}"
            ) from error
    return Descriptors.of_arrays(arrays)


def main() -> None:
    args = parse_args()
    options = Config()
    options.merge_from_dict(args.options)  # rerank.k1=4 and the like
    scoring = Scoring.of_options("--options", options.to_dict())
    scores = scoring.score(read(args.source))
    console = Console(highlight=False)
    for table in score_tables({f"reid/{name}": value for name, value in scores.items()}):
        console.print(table)
    if args.out:
        args.out.write_text(json.dumps(scores, indent=2) + "\n")


if __name__ == "__main__":
    main()
