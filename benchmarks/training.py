"""Speed of training: the loader, the loop, and the head, each beside what else one could run.

    python benchmarks/training.py loader --data data/synthetic --out benchmarks/results/loader.json
    python benchmarks/training.py loop --data data/synthetic --out benchmarks/results/loop.json
    python benchmarks/training.py step --out benchmarks/results/step.json
    python benchmarks/training.py head --out benchmarks/results/head.json

`loader` compares images a second on one core; `loop` MMEngine's Runner with a bare loop, step by
step, over as many epochs as there are repeats; `step` the paper's network with and without VA-reID,
on a GPU also in lower precision and compiled; `head` time and memory at 751 to 100,000 identities.
Cases run in turn, again and again; figures are medians, ratios of the same run.
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

import torch
from machine import describe_machine
from rich.console import Console
from rich.table import Table
from training_head import CASES, time_case
from training_loader import measure_loaders
from training_loop import make_config, measure_loop
from training_step import measure_steps

from mmvareid.engine.processes import keep_freed_memory

Rows = dict[str, dict[str, float]]


def loader(data: Path, repeats: int) -> dict[str, Rows]:
    return {
        f"{size[0]}x{size[1]}": rows_of(measure_loaders(data, size, repeats))
        for size in ((384, 128), (128, 64))
    }


def loop(data: Path, repeats: int) -> dict[str, Rows]:
    keep_freed_memory()  # as tools/train.py does, for both
    config = "va_reid/va-reid_seresnext-small_synthetic.py"
    options = {"train_dataloader.num_workers": 1, "train_cfg.max_epochs": repeats}
    return {
        "small network, 64 images of 128x64": rows_of(
            measure_loop(make_config(config, data, options))
        )
    }


def rows_of(rates: dict[str, list[float]]) -> Rows:
    """Median of each case, and of the ratios to the first one, repeat by repeat."""
    first = next(iter(rates.values()))
    return {
        case: {
            "images_a_second": statistics.median(values),
            "ratio": statistics.median(a / b for a, b in zip(values, first, strict=True)),
        }
        for case, values in rates.items()
    }


def head(repeats: int, sizes: list[int]) -> dict[str, Rows]:
    found: dict[str, Rows] = {}
    for ids in sizes:
        rows: dict[str, list[dict[str, float]]] = {case: [] for case in CASES}
        for _ in range(repeats):
            for case in CASES:  # a process for each, since memory is its peak
                command = [sys.executable, __file__, "head", "--one", case, str(ids)]
                rows[case].append(json.loads(subprocess.check_output(command).splitlines()[-1]))
        full = next(iter(rows.values()))
        found[f"K = {ids:,}"] = {
            case: {
                "seconds": statistics.median(row["seconds"] for row in many),
                "time_ratio": statistics.median(
                    a["seconds"] / b["seconds"] for a, b in zip(many, full, strict=True)
                ),
                "mib": statistics.median(row["mib"] for row in many),
                "memory_ratio": statistics.median(
                    a["mib"] / b["mib"] for a, b in zip(many, full, strict=True)
                ),
                "loss": many[0]["loss"],
            }
            for case, many in rows.items()
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["loader", "loop", "step", "head"])
    parser.add_argument("--data", type=Path, default=Path("data/synthetic"))
    parser.add_argument("--ids", type=int, nargs="+", default=[751, 10_000, 100_000])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help="write the figures to this JSON file")
    args = parser.parse_args()
    if args.one:
        print(json.dumps(time_case(args.one[0], int(args.one[1]), repeats=3)))
        return
    if args.what == "head":
        found = head(args.repeats, args.ids)
    elif args.what == "step":
        found = {"SE-ResNeXt101, 64 images, K = 751": measure_steps(args.repeats)}
    else:
        found = (loader if args.what == "loader" else loop)(args.data, args.repeats)
    for title, rows in found.items():
        table = Table("case", *next(iter(rows.values())), title=title)
        for case, row in rows.items():
            table.add_row(case, *(f"{value:.4g}" for value in row.values()))
        Console().print(table)
    if args.out:
        on_gpu = torch.cuda.is_available() and args.what in ("loop", "step")
        device = torch.cuda.get_device_name() if on_gpu else "CPU"
        machine = describe_machine(device=device, repeats=args.repeats)
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps({"machine": machine, **found}, indent=2) + "\n")


if __name__ == "__main__":
    main()
