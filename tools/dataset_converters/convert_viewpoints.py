"""Writes a viewpoint file, such as the authors' pickle, as a CSV that a person can read."""

import argparse
from pathlib import Path

from mmvareid.fileio.outputs import check_outputs
from mmvareid.viewpoint.names import describe_views
from mmvareid.viewpoint.reading import load_fine_viewpoints
from mmvareid.viewpoint.writing import write_rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", help="pickle or JSON; no code in it is run")
    parser.add_argument("out", type=Path, help=".csv to write")
    args = parser.parse_args()
    check_outputs(parser, args.out, endings=[".csv"])
    if Path(args.source).suffix.lower() == ".csv":
        parser.error(f"source has to be a pickle or JSON, but {args.source} is a CSV already")
    viewpoints = load_fine_viewpoints(args.source)
    rows = ([name, view, fine or ""] for name, (view, fine) in sorted(viewpoints.items()))
    write_rows(args.out, ["filename", "viewpoint", "name"], rows)
    labels = [view for view, _ in viewpoints.values()]
    noise = sum(fine == "noise" for _, fine in viewpoints.values())
    print(
        f"{args.out}: {len(viewpoints)} images: {describe_views(labels)}; {labels.count(-1)} "
        f"unknown, {noise} noise"
    )


if __name__ == "__main__":
    main()
