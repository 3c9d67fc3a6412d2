"""Draws the angles between identity and viewpoint centres over the epochs of some runs."""

import argparse
from pathlib import Path

from mmvareid.visualization import plot_angles


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path, help="work dirs, or files scalars.json")
    parser.add_argument("--out", type=Path, default="angles.png", help="picture to write")
    parser.add_argument("--labels", nargs="+", help="a name for each run")
    args = parser.parse_args()
    args.out.parent.mkdir(parents=True, exist_ok=True)
    plot_angles(args.runs, args.out, args.labels)
    print(f"Angles of {len(args.runs)} runs: {args.out}")


if __name__ == "__main__":
    main()
