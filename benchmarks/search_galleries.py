"""Galleries in a database file and in memory: adding, opening again, searching, memory and disk.

    python benchmarks/search_galleries.py --rows 1000000 --folder /tmp/galleries \
        --out benchmarks/results/galleries.json

Descriptors are drawn as in benchmarks/search.py. Each gallery is made in a process of its own,
closed, and opened and searched in another, so that memory is that of one of them. Recall is against
exact search, of ten, for queries in tens: of all pictures, and where a filter leaves a half or a
hundredth of them. Galleries that a stopped run has finished are not made again.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from machine import describe_machine, peak
from rich.console import Console
from rich.table import Table
from search import WIDTH, K, draw

from mmvareid.search import Gallery
from mmvareid.search.engines import search_exactly

CASES = ("database hnsw", "database flat", "memory auto", "memory flat")
BATCH, BATCHES = 10_000, 10  # pictures added at a time, and batches of ten queries
FILTERS = {"all": None, "a half": range(50), "a hundredth": [7]}  # of a hundred cameras


def cameras(rows: int) -> np.ndarray:
    return np.random.default_rng(5).integers(100, size=rows)


def fill(case: str, rows: int, folder: Path) -> dict[str, float]:
    """Add all pictures, and make them stay."""
    place, engine = case.split()
    features, _ = draw(rows, 10, "trained")
    cams, start = cameras(rows), time.perf_counter()
    path = folder / ("people.db" if place == "database" else "people.npz")
    gallery = Gallery.open(path, engine=engine) if place == "database" else Gallery(engine=engine)
    for first in range(0, rows, BATCH):
        part = slice(first, first + BATCH)
        paths = [f"{row}.jpg" for row in range(first, min(first + BATCH, rows))]
        gallery.add(features[part], paths, cameras=cams[part], ids=range(first, first + len(paths)))
    if place == "memory":
        gallery.save(path)
    gallery.close()
    found = {"added_in_s": time.perf_counter() - start}
    files = [file for file in [path, *path.rglob("*")] if file.is_file()]
    return found | {"disk_mib": sum(file.stat().st_size for file in files) / 2**20}


def ask(case: str, rows: int, folder: Path) -> dict[str, float]:
    """Open again, and search."""
    place, engine = case.split()
    features, query = draw(rows, 10 * BATCHES, "trained")
    cams, truth = cameras(rows), {}
    for name, wanted in FILTERS.items():
        left = np.flatnonzero(np.isin(cams, wanted)) if wanted is not None else np.arange(rows)
        truth[name] = left[search_exactly(features[left], query, K)[1]]
    del features
    start = time.perf_counter()
    if place == "database":
        gallery = Gallery.open(folder / "people.db")
    else:
        gallery = Gallery.load(folder / "people.npz", engine=engine)
    found = {"opened_in_s": time.perf_counter() - start}
    start = time.perf_counter()
    gallery.search(query[:1], K)
    found["first_search_s"] = time.perf_counter() - start
    for name, wanted in FILTERS.items():
        seconds, hits = [], []
        for part, right in zip(
            np.split(query, BATCHES), np.split(truth[name], BATCHES), strict=True
        ):
            start = time.perf_counter()
            near = gallery.search(part, K, cameras=wanted)
            seconds.append(time.perf_counter() - start)
            hits += [
                np.isin(a, [hit.id for hit in b]).mean() for a, b in zip(right, near, strict=True)
            ]
        found[f"{name}: recall"] = float(np.mean(hits))
        found[f"{name}: ms_a_query"] = 100 * statistics.median(seconds)
    gallery.close()
    return found | {"peak_mib": peak() / 1024}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--cases", nargs="+", default=CASES, choices=CASES, metavar="CASE")
    parser.add_argument("--folder", type=Path, required=True, help="where galleries are made")
    parser.add_argument("--out", type=Path, help="write the figures to this JSON file")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)  # step and case
    args = parser.parse_args()
    if args.one:
        step, case = args.one
        folder = args.folder / f"{case.replace(' ', '_')}_{args.rows}"
        print(json.dumps({"fill": fill, "ask": ask}[step](case, args.rows, folder)))
        return
    rows = {}
    for case in args.cases:
        folder = args.folder / f"{case.replace(' ', '_')}_{args.rows}"
        rows[case] = {}
        for step in ("fill", "ask"):
            done = folder / f"{step}.json"
            if not done.exists():
                if step == "fill":
                    shutil.rmtree(folder, ignore_errors=True)
                    folder.mkdir(parents=True)
                command = [sys.executable, __file__, "--rows", str(args.rows)]
                command += ["--folder", str(args.folder), "--one", step, case]
                done.write_text(subprocess.check_output(command, text=True).splitlines()[-1])
            rows[case] |= json.loads(done.read_text())
    table = Table("", *rows, title=f"{args.rows:,} x {WIDTH}")
    for name in next(iter(rows.values())):
        table.add_row(name, *(f"{row[name]:.4g}" for row in rows.values()))
    Console().print(table)
    if args.out:
        found = {"machine": describe_machine(device="CPU"), f"{args.rows:,} x {WIDTH}": rows}
        args.out.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
