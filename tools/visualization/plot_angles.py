"""Draws the angles between identity and viewpoint centres over the epochs of some runs."""

import argparse
from pathlib import Path

from mmvareid.visualization import path_labels, plot_angles


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path, help="work dirs, or files scalars.json")
    parser.add_argument("--out", type=Path, required=True, help="picture to write")
    parser.add_argument("--labels", nargs="+", help="a name for each run; by default the paths'")
    args = parser.parse_args()
    try:
        labels = path_labels(args.runs, args.labels)
    except ValueError as error:
        parser.error(str(error))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    plot_angles(args.runs, args.out, labels)
    print(f"Angles of {len(args.runs)} runs: {args.out}")


if __name__ == "__main__":
    main()
