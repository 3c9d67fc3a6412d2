"""Says from which similarity on two pictures are taken for one person, and how often wrongly.

From a gallery that extract.py made of people you know, with persons and cameras, or from features
that tools/test.py --dump wrote.
"""

import argparse
from pathlib import Path

from rich.console import Console
from rich.table import Table

from mmvareid.apis import Gallery
from mmvareid.evaluation import Descriptors, PairSimilarities
from mmvareid.fileio.arrays import load_arrays
from mmvareid.fileio.outputs import check_outputs
from mmvareid.visualization import plot_pairs
from mmvareid.visualization.figure_rgb import FIGURE_ENDINGS


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", help="gallery or features, .npz")
    parser.add_argument(
        "--rates",
        type=float,
        nargs="+",
        default=[1e-4, 1e-3, 1e-2],
        help="shares of impostors to accept; default: 0.0001 0.001 0.01",
    )
    parser.add_argument("--out", type=Path, help="write the pairs to this .npz file, for search.py")
    parser.add_argument("--plot", type=Path, help="draw both distributions into this picture")
    args = parser.parse_args()
    if not all(0 < rate < 1 for rate in args.rates):
        parser.error(f"--rates have to be between 0 and 1, but got {args.rates}")
    check_outputs(parser, args.out, endings=[".npz"])
    check_outputs(parser, args.plot, endings=FIGURE_ENDINGS)
    return args


def read_pairs(source: str) -> PairSimilarities:
    """Return the pairs of a gallery, or of queries and gallery of a test set."""
    if "next_id" in load_arrays(source):
        return Gallery.load(source).pair_similarities()
    return PairSimilarities.of_table(Descriptors.load(source))


def rate_table(pairs: PairSimilarities, rates: list[float]) -> Table:
    """Return the threshold of each rate that the pairs are enough for."""
    table = Table("impostors accepted", "own accepted", "above cosine")
    total = int(pairs.negatives.sum())
    for rate in rates:
        if rate * total < 1:
            table.add_row(f"{100 * rate:g} %", "-", "too few pairs")
            continue
        threshold = pairs.threshold(rate)
        own = 100 * float(pairs.accepted_above(threshold))
        table.add_row(f"{100 * rate:g} %", f"{own:.2f} %", f"{threshold:.4f}")
    table.caption = f"{pairs.positives.sum()} pairs of one person, {total} of two"
    return table


def main() -> None:
    args = parse_args()
    pairs = read_pairs(args.source)
    Console(highlight=False).print(rate_table(pairs, args.rates))
    if args.out:
        pairs.save(args.out)
    if args.plot:
        plot_pairs(pairs, args.plot, args.rates)


if __name__ == "__main__":
    main()
