"""Two hours of training: does the memory, or the number of open files, grow?

    python benchmarks/soak.py --minutes 120 --out benchmarks/results/soak.json

The small network trains on synthetic people, with workers that live on, moving averages of the
weights, a validation and a checkpoint each epoch. Every ten seconds the memory (the proportional
share of what processes have in common, PSS) and the open files of the main process and of all its
workers are read. Growth of memory is the slope of a straight line through the second half, by the
hour. Open files come and go with each batch that a worker hands over, so those count that never
close: the fewest in the last quarter, less the fewest in the quarter before. A picture is drawn
beside the JSON file. A new process would begin with new memory, so it is one run.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from machine import describe_machine

from mmvareid.datasets import make_synthetic

ROOT = Path(__file__).parents[1]
CONFIG = """
_base_ = "{configs}/va_reid/va-reid_seresnext-small_synthetic.py"
train_cfg = dict(max_epochs=1_000_000, val_interval=1)
train_dataloader = dict(batch_size=32, sampler=dict(num_identities=8))
default_hooks = dict(checkpoint=dict(interval=1, max_keep_ckpts=3))
custom_hooks = [*_base_.custom_hooks, dict(type="EMAHook", momentum=2e-4, update_buffers=True)]
"""


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def memory(pid: int) -> float:
    """Proportional set size in MiB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("Pss:")).split()[1]) / 1024


def files(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def sample(main: int) -> dict[str, float] | None:
    """What main process and workers hold; None while workers come or go."""
    workers = children(main)
    try:
        return {
            "main memory": memory(main),
            "workers' memory": sum(map(memory, workers)),
            "main files": files(main),
            "workers' files": sum(map(files, workers)),
            "workers": len(workers),
        }
    except (OSError, StopIteration):
        return None


def train(work_dir: Path, config: Path, seconds: float, note: Callable[[dict], None]) -> None:
    """Train, and note a sample every ten seconds, until the time is over."""
    command = [sys.executable, "-W", "ignore", str(ROOT / "tools/train.py"), str(config)]
    command += ["--work-dir", str(work_dir), "--cfg-options"]
    command += [f"data_root={config.parent}/data", "num_classes=32"]
    with (config.with_suffix(".log")).open("a") as log:
        run = subprocess.Popen(
            command,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
    start = time.monotonic()
    try:
        while time.monotonic() - start < seconds:
            time.sleep(10)
            if run.poll() is not None:
                raise SystemExit(f"training ended; see {config.with_suffix('.log')}")
            found = sample(run.pid)
            if found:
                note({"minutes": (time.monotonic() - start) / 60, **found})
    finally:
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)


def growth(rows: list[dict[str, float]]) -> dict[str, float]:
    """Growth in the second half."""
    half = rows[len(rows) // 2 :]
    hours = np.array([row["minutes"] for row in half]) / 60
    found = {}
    for whose in ("main", "workers'"):
        slope = np.polyfit(hours, [row[f"{whose} memory"] for row in half], 1)[0]
        found[f"{whose} memory, MiB an hour"] = round(float(slope), 2)
        files = [row[f"{whose} files"] for row in half]
        middle = len(files) // 2
        found[f"{whose} files left open"] = min(files[middle:]) - min(files[:middle])
    return found


def draw(rows: list[dict[str, float]], path: Path) -> None:
    """Memory above, open files below, against time."""
    figure, axes = plt.subplots(2, sharex=True, figsize=(8, 5), layout="constrained")
    minutes = [row["minutes"] for row in rows]
    for axis, unit in zip(axes, ("memory", "files"), strict=True):
        for whose, colour in (("main", "tab:blue"), ("workers'", "tab:orange")):
            values = [row[f"{whose} {unit}"] for row in rows]
            axis.plot(minutes, values, color=colour, linewidth=1, label=whose)
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("memory (PSS, MiB)")
    axes[0].legend()
    axes[1].set_ylabel("open files")
    axes[1].set_xlabel("minutes of training")
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=120)
    parser.add_argument("--work-dir", type=Path, default=Path("work_dirs/soak"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/soak.json"))
    args = parser.parse_args()
    place = args.work_dir.resolve()
    place.mkdir(parents=True, exist_ok=True)
    if not (place / "data").exists():
        make_synthetic(place / "data", num_ids=64, num_distractors=50, num_junk=0, seed=0)
    config = place / "soak.py"
    config.write_text(CONFIG.format(configs=ROOT / "configs"))
    rows: list[dict[str, float]] = []

    def note(row: dict[str, float]) -> None:
        rows.append(row)
        checkpoints = len(list((place / "run").glob("epoch_*.pth")))
        last = (place / "run/last_checkpoint").read_text() if checkpoints else ""
        found = {
            "machine": describe_machine(),
            "minutes": row["minutes"],
            "last checkpoint": Path(last).name,
            "growth in the second half": growth(rows) if len(rows) > 20 else {},
            "samples": rows,
        }
        args.out.write_text(json.dumps(found, indent=1) + "\n")
        print({key: round(value) for key, value in row.items()}, flush=True)

    train(place / "run", config, 60 * args.minutes, note)
    draw(rows, args.out.with_suffix(".png"))
    print(json.dumps(json.loads(args.out.read_text())["growth in the second half"], indent=2))


if __name__ == "__main__":
    main()
