"""Fuzzes all that reads files, names and config values, at length.

    python tests/fuzz.py --inputs 120000 --out benchmarks/results/fuzz.json

Inputs are shared out evenly over the targets of ``tests/fuzz_targets.py``, in rounds of their own
seeds. An error that a reader does not declare stops the run and is shown with the smallest input
that hypothesis finds. A second call goes on where the first was stopped.
"""

import argparse
import json
import logging
import tempfile
from collections import Counter
from pathlib import Path

from fuzz_targets import TARGETS, accepts
from hypothesis import HealthCheck, given, seed, settings
from mmengine.logging import MMLogger
from rich.console import Console
from rich.progress import track
from rich.table import Table

ROUND = 500


def fuzz(name: str, number: int, folder: Path) -> dict[str, int]:
    """Try a round of inputs; return how many were taken and how many refused."""
    found: Counter[str] = Counter()

    @seed(number)
    @settings(
        max_examples=ROUND,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(TARGETS[name].inputs)
    def run(value: object) -> None:
        found["taken" if accepts(TARGETS[name], folder, value) else "refused"] += 1

    run()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--inputs", type=int, default=120_000, help="in all")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/fuzz.json"))
    args = parser.parse_args()
    MMLogger.get_current_instance().setLevel(logging.ERROR)
    counts = json.loads(args.out.read_text()) if args.out.is_file() else {}
    rounds = -(-args.inputs // (ROUND * len(TARGETS)))
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        for number in track(range(rounds), "Rounds"):
            for name in TARGETS:
                counted = counts.setdefault(name, {"rounds": 0, "taken": 0, "refused": 0})
                if counted["rounds"] > number:
                    continue
                for what, times in fuzz(name, number, Path(folder) / "input").items():
                    counted[what] += times
                counted["rounds"] += 1
                args.out.write_text(json.dumps(counts, indent=2) + "\n")
    table = Table("target", "inputs", "taken", "refused")
    totals = {
        what: sum(counted[what] for counted in counts.values()) for what in ("taken", "refused")
    }
    for name, counted in [*counts.items(), ("all", totals)]:
        taken, refused = counted["taken"], counted["refused"]
        table.add_row(name, *(f"{n:,}" for n in (taken + refused, taken, refused)))
    Console().print(table)


if __name__ == "__main__":
    main()
