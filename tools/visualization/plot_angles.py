"""Draws the angles between identity and viewpoint centres over the epochs of some runs."""

import argparse
from pathlib import Path

from mmvareid.fileio.outputs import check_outputs
from mmvareid.visualization import path_labels, plot_angles
from mmvareid.visualization.figure_rgb import FIGURE_ENDINGS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path, help="work dirs, or files scalars.json")
    parser.add_argument("--out", type=Path, required=True, help="picture to write")
    parser.add_argument("--labels", nargs="+", help="a name for each run; by default the paths'")
    args = parser.parse_args()
    check_outputs(parser, args.out, endings=FIGURE_ENDINGS)
    try:
        labels = path_labels(args.runs, args.labels)
    except ValueError as error:
        parser.error(str(error))
    plot_angles(args.runs, args.out, labels)
    print(f"Angles of {len(args.runs)} runs: {args.out}")


if __name__ == "__main__":
    main()
