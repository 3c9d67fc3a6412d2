"""Search in a gallery by HNSW and IVF beside exact search: recall and time.

    python benchmarks/search.py --out benchmarks/results/search.json
    python benchmarks/search.py --rows 200000 --spreads trained even

Descriptors are drawn: 20 pictures of each person around a point of his own, with the spread between
and within people that the small network has on synthetic people ("trained": variance falls to 1/e
in 9 axes between people, in 20 within, and within is nearly as much as between), or alike in all
512 axes ("even"), which is the hardest for any index. A query is one more picture of a person.
Cases take turns over the same batches of queries; figures are medians, ratios of the same run.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import numpy as np
from machine import describe_machine
from rich.console import Console
from rich.table import Table

from mmvareid.search.engines import ApproximateIndex, search_exactly

PICTURES, WIDTH, K = 20, 512, 10


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def draw(rows: int, queries: int, spread: str) -> tuple[np.ndarray, np.ndarray]:
    """Descriptors of a gallery (rows, 512), shuffled, and of queries."""
    rng = np.random.default_rng(0)
    axes = np.arange(WIDTH)
    between, within = (
        np.exp(-axes / decay / 2) if spread == "trained" else np.ones(WIDTH) for decay in (9, 20)
    )
    between *= np.sqrt(0.45) / np.linalg.norm(between)
    within *= np.sqrt(0.40) / np.linalg.norm(within)
    middle = unit(rng.standard_normal((1, WIDTH))) * np.sqrt(0.15)
    people = middle + rng.standard_normal((rows // PICTURES, WIDTH)) * between
    gallery = np.empty((rows, WIDTH), np.float32)
    order = rng.permutation(rows)
    for start in range(0, rows, 10_000):  # so that no copy of it all is made
        owners = people[order[start : start + 10_000] % len(people)]
        gallery[start : start + 10_000] = unit(owners + rng.standard_normal(owners.shape) * within)
    asked = people[rng.integers(len(people), size=queries)]
    return gallery, unit(asked + rng.standard_normal(asked.shape) * within)


def measure(
    rows: int, engines: list[str], batches: int, spread: str
) -> dict[str, dict[str, float]]:
    """Recall, seconds a query and their ratio to exact search, for queries in tens."""
    gallery, query = draw(rows, 10 * batches, spread)
    found: dict[str, dict[str, float]] = {"exact": {"recall": 1.0}}
    indices = {}
    for engine in engines:
        start = time.perf_counter()
        indices[engine] = index = ApproximateIndex(engine, gallery)
        found[engine] = {"built_in_s": time.perf_counter() - start, "width": index.width}
    seconds: dict[str, list[float]] = {case: [] for case in found}
    hits: dict[str, list[float]] = {engine: [] for engine in engines}
    for batch in np.split(query, batches):
        start = time.perf_counter()
        nearest = search_exactly(gallery, batch, K)[1]
        seconds["exact"].append(time.perf_counter() - start)
        for engine, index in indices.items():
            start = time.perf_counter()
            near = index.search(batch, K)[1]
            seconds[engine].append(time.perf_counter() - start)
            hits[engine].append((near[:, :, None] == nearest[:, None]).any(axis=1).mean())
    for case, many in seconds.items():
        found[case]["ms_a_query"] = 100 * statistics.median(many)
        ratios = [a / b for a, b in zip(many, seconds["exact"], strict=True)]
        found[case]["time_ratio"] = statistics.median(ratios)
        if case in hits:
            found[case]["recall"] = float(np.mean(hits[case]))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000])
    parser.add_argument("--spreads", nargs="+", default=["trained"], choices=["trained", "even"])
    parser.add_argument("--engines", nargs="+", default=["ivf", "hnsw"], choices=["hnsw", "ivf"])
    parser.add_argument("--batches", type=int, default=30, help="of ten queries each")
    parser.add_argument("--out", type=Path, help="write the figures to this JSON file")
    args = parser.parse_args()
    found = {
        f"{rows:,} x {WIDTH}, {spread}": measure(rows, args.engines, args.batches, spread)
        for rows in args.rows
        for spread in args.spreads
    }
    for title, cases in found.items():
        table = Table("case", *(columns := list(cases[args.engines[0]])), title=title)
        for case, row in cases.items():
            table.add_row(case, *(f"{row[name]:.4g}" if name in row else "" for name in columns))
        Console().print(table)
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        machine = describe_machine(device="CPU")
        args.out.write_text(json.dumps({"machine": machine, **found}, indent=2) + "\n")


if __name__ == "__main__":
    main()
