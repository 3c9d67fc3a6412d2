"""Trains and scores configs with several seeds, and writes the table of means and spreads.

A run that is done is not run again, and one that was stopped goes on from its last checkpoint.
"""

import argparse
import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ablation_table import markdown, summarize
from mmengine.config import Config, DictAction
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from mmvareid.config import load_config
from mmvareid.visualization import plot_sweep

TOOLS = Path(__file__).parents[1]

# What a sweep may vary, and the places in a config of VA-reID that it sets.
SWEEPS = {
    "alpha": ("model.head.loss_id.alpha", "model.head.loss_view.alpha"),
    "beta": ("model.head.loss_center.loss_weight",),
    "scale": ("model.head.scale",),
    "margin": ("model.head.margin",),
}


@dataclass(frozen=True)
class Row:
    """One line of the table: a config, and what a sweep changes in it."""

    name: str
    cfg: Config
    sweep: tuple[str, float] | None = None


@dataclass(frozen=True)
class Run:
    """One training: a row and a seed."""

    row: Row
    seed: int
    folder: Path

    @property
    def results(self) -> Path:
        return self.folder / "results.json"

    def execute(self, threads: int) -> None:
        """Train and test; raise ``CalledProcessError`` if that fails."""
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / "config.py"
        self.row.cfg.dump(config)
        env = {**os.environ, "OMP_NUM_THREADS": str(threads)}
        work_dir = self.folder / "run"  # MMEngine writes a config.py of its own there
        train = [config, "--work-dir", work_dir, "--seed", self.seed, "--resume"]
        with (self.folder / "output.log").open("a") as log:

            def call(tool: str, *args: object) -> None:
                command = [sys.executable, "-W", "ignore", TOOLS / tool, *map(str, args)]
                subprocess.run(command, stdout=log, stderr=log, env=env, check=True)

            call("train.py", *train, "--no-validate")
            checkpoint = (work_dir / "last_checkpoint").read_text().strip()
            whole = self.folder / "results.part.json"
            call("test.py", config, checkpoint, "--work-dir", work_dir, "--out", whole)
        whole.replace(self.results)  # so that results are whole or not there


def rows_of(args: argparse.Namespace) -> list[Row]:
    """The rows that the command line asks for."""
    rows = []
    for path in args.configs:
        cfg = load_config(path, args.cfg_options)
        rows.append(Row(Path(path).stem, cfg))
        for name, values in args.sweep:
            for value in values:
                changed = load_config(path, args.cfg_options)
                if all(_get(cfg, key) == value for key in SWEEPS[name]):
                    rows.append(Row(Path(path).stem, cfg, (name, value)))  # shares the runs
                    continue
                changed.merge_from_dict(dict.fromkeys(SWEEPS[name], value))
                rows.append(Row(f"{Path(path).stem}_{name}={value:g}", changed, (name, value)))
    return rows


def _get(cfg: Any, key: str) -> Any:
    for part in key.split("."):
        if cfg is None or part not in cfg:
            raise ValueError(f"a sweep has to change a value of the config, but it has no {key}")
        cfg = cfg[part]
    return cfg


def check_same_config(run: Run) -> None:
    """Raise ``ValueError`` if the folder holds a run of another config."""
    path = run.folder / "config.py"
    if path.exists() and path.read_text() != run.row.cfg.pretty_text:
        raise ValueError(
            f"{path} has to be the config of this run, but differs from it; use another "
            "--work-dir, or remove the folder"
        )


def execute(runs: list[Run], jobs: int) -> list[Run]:
    """Do the runs that are not done, with progress and the time left; return those that failed."""
    todo = [run for run in runs if not run.results.exists()]
    threads = max(1, (os.cpu_count() or 1) // jobs)
    failed: list[Run] = []
    lock = threading.Lock()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    # The time left is told from the runs done, so the mean has to reach back over all of them.
    with Progress(*columns, speed_estimate_period=1e9) as bar:
        task = bar.add_task("Runs", total=len(todo))

        def one(run: Run) -> None:
            try:
                run.execute(threads)
                said = {k: round(v, 1) for k, v in json.loads(run.results.read_text()).items()}
                text = f"{run.folder}: mAP {said['reid/mAP']}, Rank-1 {said['reid/Rank-1']}"
            except subprocess.CalledProcessError:
                failed.append(run)
                text = f"{run.folder} failed; see output.log there"
            with lock:
                bar.console.print(text, highlight=False, soft_wrap=True)
                bar.advance(task)

        with ThreadPoolExecutor(jobs) as pool:
            try:
                list(pool.map(one, todo))
            except KeyboardInterrupt:  # else the pool would go on with the next run
                pool.shutdown(cancel_futures=True)
                raise
    return failed


def parse_sweep(text: str) -> tuple[str, list[float]]:
    """Read ``name=1,2,3``."""
    name, _, values = text.partition("=")
    if name not in SWEEPS or not values:
        raise argparse.ArgumentTypeError(
            f"a sweep has to be name=value,value with a name of {', '.join(SWEEPS)}, but got {text}"
        )
    return name, [float(value) for value in values.split(",")]


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("configs", nargs="+", help="config files, the rows of the table")
    parser.add_argument("--work-dir", type=Path, required=True, help="folder of runs and tables")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument(
        "--sweep",
        type=parse_sweep,
        action="append",
        default=[],
        help=f"also vary one of {', '.join(SWEEPS)} in each config, as alpha=0,0.1,0.2; may be "
        "given again",
    )
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time; they share the cores")
    parser.add_argument("--summary", action="store_true", help="write tables of what is there")
    parser.add_argument("--name", default="ablation", help="name of the tables")
    parser.add_argument("--metrics", nargs="+", default=["reid/mAP", "reid/Rank-1"])
    parser.add_argument(
        "--baseline", help="name of a config; its row is subtracted from the others, seed by seed"
    )
    parser.add_argument("--cfg-options", nargs="+", action=DictAction, help="of every run")
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    rows = rows_of(args)
    if args.baseline and args.baseline not in {row.name for row in rows}:
        raise ValueError(f"--baseline has to be the name of a row, but got {args.baseline}")
    # Seed by seed, so that a table with all rows is there as early as can be.
    runs = {
        folder: Run(row, seed, folder)
        for seed in args.seeds
        for row in rows
        if (folder := args.work_dir / row.name / f"seed{seed}")
    }
    for run in runs.values():
        check_same_config(run)
    failed = [] if args.summary else execute([*runs.values()], args.jobs)
    scores: dict[str, dict[int, dict | None]] = {}
    for run in runs.values():
        found = json.loads(run.results.read_text()) if run.results.exists() else None
        scores.setdefault(run.row.name, {})[run.seed] = found
    means = summarize(scores, args.baseline)
    table = [{"row": row.name, "sweep": row.sweep, **means[row.name]} for row in rows]
    text = markdown(table, args.metrics, args.baseline)
    (args.work_dir / f"{args.name}.json").write_text(json.dumps(table, indent=2) + "\n")
    (args.work_dir / f"{args.name}.md").write_text(text)
    for name, _ in args.sweep:
        swept = [row for row in table if row["sweep"] and row["sweep"][0] == name]
        if len([row for row in swept if row["seeds"]]) > 1:
            plot_sweep(swept, name, args.work_dir / f"{args.name}_{name}.png")
    Console(highlight=False, soft_wrap=True).print(text)
    if failed:
        sys.exit(f"{len(failed)} runs failed: {', '.join(str(run.folder) for run in failed)}")


if __name__ == "__main__":
    main()
