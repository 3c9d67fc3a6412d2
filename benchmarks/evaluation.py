"""Time and memory of ranking and re-ranking, beside a plain product and what others do.

    python benchmarks/evaluation.py --sizes market msmt17 --out benchmarks/results/evaluation.json

Features are random. Cases run in turn, again and again; times are medians, and ratios to the plain
product of the same run. Memory is the peak above the inputs, of a process for each case (Linux).
With `--fastreid DIR` and `--torchreid DIR`, clones of those repositories, their own code runs too;
the compiled one if it was built there by their `python setup.py build_ext --inplace`.
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

from evaluation_cases import CASES, SIZES, add_fastreid, add_torchreid, make_inputs
from machine import describe_machine, peak, restart_peak
from rich.console import Console
from rich.table import Table


def peak_memory(size: str, case: str) -> dict[str, float]:
    """Peak resident memory of a process, in all and above that with the inputs there, in MiB."""
    inputs = make_inputs(size)
    before = restart_peak()
    CASES[case](inputs)
    return {"mib": (peak() - before) / 1024, "mib_in_all": peak() / 1024}


def times(size: str, cases: list[str], repeats: int) -> dict[str, list[float]]:
    """Seconds of each case in each repeat."""
    inputs = make_inputs(size)
    seconds: dict[str, list[float]] = {case: [] for case in cases}
    for repeat in range(repeats):
        for case in cases:
            start = time.perf_counter()
            CASES[case](inputs)
            seconds[case].append(time.perf_counter() - start)
            print(f"{size} {repeat + 1}/{repeats} {case}: {seconds[case][-1]:.2f} s", flush=True)
    return seconds


def measure(size: str, cases: list[str], repeats: int) -> dict[str, dict[str, float]]:
    """Measure the plain product and the cases at a size."""
    seconds = times(size, ["product", *cases], repeats)
    product = statistics.median(seconds["product"])
    queries, gallery, *_ = SIZES[size]
    found = {}
    for case, values in seconds.items():
        command = [sys.executable, *sys.argv, "--memory-of", size, case]
        memory = json.loads(subprocess.check_output(command, text=True).splitlines()[-1])
        median = statistics.median(values)
        found[case] = {
            "seconds": median,
            "ratio": median / product,
            "nanoseconds_a_pair": median / (queries * gallery) * 1e9,
            **memory,
        }
    return found


def table_of(size: str, found: dict[str, dict[str, float]]) -> Table:
    """Make a table of what was measured at a size."""
    queries, gallery, dimension, _ = SIZES[size]
    title = f"{size}: {queries} x {gallery}, dimension {dimension}"
    columns = ("case", "seconds", "to product", "ns a pair", "MiB above inputs", "MiB in all")
    table = Table(*columns, title=title)
    for case, row in found.items():
        cells = (f"{row[key]:.2f}" for key in ("seconds", "ratio", "nanoseconds_a_pair"))
        table.add_row(case, *cells, f"{row['mib']:.0f}", f"{row['mib_in_all']:.0f}")
    return table


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=["market"])
    parser.add_argument("--cases", nargs="+", default=["rank", "neighbours", "rerank"])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--fastreid", type=Path, help="clone of JDAI-CV/fast-reid")
    parser.add_argument("--torchreid", type=Path, help="clone of KaiyangZhou/deep-person-reid")
    parser.add_argument("--memory-of", nargs=2, metavar=("SIZE", "CASE"), help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help="write the figures to this JSON file")
    args = parser.parse_args()
    if args.fastreid:
        add_fastreid(args.fastreid)
    if args.torchreid:
        add_torchreid(args.torchreid)
    unknown = sorted(set(args.cases) - set(CASES))
    if unknown:
        parser.error(f"--cases has to be of {list(CASES)}, but got {unknown}")
    if args.memory_of:
        print(json.dumps(peak_memory(*args.memory_of)))
        return
    results = {size: measure(size, args.cases, args.repeats) for size in args.sizes}
    for size, found in results.items():
        Console().print(table_of(size, found))
    if args.out:
        machine = describe_machine(processor=platform.machine(), repeats=args.repeats)
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps({"machine": machine, **results}, indent=2) + "\n")


if __name__ == "__main__":
    main()
