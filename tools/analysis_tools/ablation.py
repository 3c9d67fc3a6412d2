"""Trains and scores configs with several seeds, and writes the table of means and spreads.

A run that is done is not run again, and one that was stopped goes on from its last checkpoint. The
table as JSON holds every run's metrics: --known takes it over, on another machine too.
"""

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ablation_runs import Batch, Run, fingerprint
from ablation_table import markdown, summarize
from mmengine.config import Config, DictAction
from rich.console import Console

from mmvareid.config import load_config
from mmvareid.fileio.outputs import check_outputs
from mmvareid.visualization import plot_sweep

# What a sweep may vary, and the places in a config of VA-reID that it sets.
SWEEPS = {
    "alpha": ("model.head.loss_id.alpha", "model.head.loss_view.alpha"),
    "beta": ("model.head.loss_center.loss_weight",),
    "scale": ("model.head.scale",),
    "margin": ("model.head.margin",),
}
METRICS = ("reid/mAP", "reid/Rank-1", "reid/rerank/mAP", "reid/rerank/Rank-1")


@dataclass(frozen=True)
class Row:
    """One line of the table: a config, and the name and value that a sweep changes in it."""

    name: str
    config: str
    cfg: Config
    sweep: tuple[str, float] | None = None


def rows_of(configs: list[str], sweeps: list[tuple[str, list[float]]], options: dict) -> list[Row]:
    """Return a row for each config and each value of its sweeps.

    Raises:
        ValueError: Two configs have one name, or a config lacks what a sweep varies.
    """
    rows = []
    for path in configs:
        name, cfg = Path(path).stem, load_config(path, options)
        if any(row.name == name for row in rows):
            raise ValueError(f"configs have to differ in name, but got {name} twice; rename a file")
        rows.append(Row(name, name, cfg))
        for what, values in sweeps:
            for value in values:
                if all(_get(cfg, key) == value for key in SWEEPS[what]):
                    rows.append(Row(name, name, cfg, (what, value)))  # shares the config's own runs
                    continue
                changed = load_config(path, options)
                changed.merge_from_dict(dict.fromkeys(SWEEPS[what], value))
                rows.append(Row(f"{name}_{what}={_short(value)}", name, changed, (what, value)))
    return rows


def _short(value: float) -> str:
    """Return a value as text that no other value has, for the name of a row and its folder."""
    text = f"{value:g}"
    return text if float(text) == value else repr(value)


def _get(cfg: Any, key: str) -> Any:
    for part in key.split("."):
        if cfg is None or part not in cfg:
            raise ValueError(f"a sweep has to change a value of the config, but it has no {key}")
        cfg = cfg[part]
    return cfg


def parse_sweep(text: str) -> tuple[str, list[float]]:
    """Read ``name=1,2,3``."""
    name, _, values = text.partition("=")
    try:
        numbers = [float(value) for value in values.split(",")]
    except ValueError:
        numbers = []
    if name not in SWEEPS or not numbers:
        raise argparse.ArgumentTypeError(
            f"a sweep has to be name=value,value with a name of {', '.join(SWEEPS)}, but got {text}"
        )
    return name, numbers


def read_known(paths: list[Path]) -> dict[tuple[str, int], dict[str, float]]:
    """Return the metrics of finished runs by fingerprint and seed, from tables as JSON.

    Raises:
        ValueError: A file is no table of this tool.
    """
    known = {}
    for path in paths:
        try:
            for row in json.loads(path.read_text()):
                for seed, metrics in row["runs"].items():
                    known[row["config"], int(seed)] = metrics
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f"--known has to name a table that this tool wrote as JSON, but {path} is not one "
                f"({type(error).__name__}: {error})"
            ) from error
    return known


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("configs", nargs="+", help="config files, the rows of the table")
    parser.add_argument("--work-dir", type=Path, required=True, help="folder of runs and tables")
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=[0, 1, 2], help="a run each; default: 0 1 2"
    )
    parser.add_argument(
        "--sweep",
        type=parse_sweep,
        action="append",
        default=[],
        help=f"also vary one of {', '.join(SWEEPS)} in each config, as alpha=0,0.1,0.2, and plot "
        "it; may be given again",
    )
    parser.add_argument(
        "--jobs", type=int, default=1, help="runs at a time, which share the cores; default: 1"
    )
    parser.add_argument(
        "--summary", action="store_true", help="run nothing, write the tables of what is there"
    )
    parser.add_argument(
        "--name", default="ablation", help="of the tables and plots in the work dir; an older one "
        "of that name is written over",
    )  # fmt: skip
    parser.add_argument(
        "--known", type=Path, nargs="+", default=[], help="tables (.json) whose runs are taken "
        "over where config and seed are the same",
    )  # fmt: skip
    parser.add_argument(
        "--metrics", nargs="+", help="columns; default: mAP and Rank-1, also re-ranked if they are"
    )
    parser.add_argument(
        "--baseline", help="name of a config; its row is subtracted from the others, seed by seed"
    )
    parser.add_argument("--cfg-options", nargs="+", action=DictAction, help="of every run")
    args = parser.parse_args()
    if args.jobs < 1:
        parser.error(f"--jobs has to be at least 1, but got {args.jobs}")
    check_outputs(parser, args.work_dir / f"{args.name}.json", args.work_dir / f"{args.name}.md")
    names = [Path(path).stem for path in args.configs]
    if args.baseline and args.baseline not in names:
        parser.error(f"--baseline has to be one of {names}, but got {args.baseline}")
    return args


def main() -> None:
    args = parse_args()
    rows = rows_of(args.configs, args.sweep, args.cfg_options)
    prints = {row.name: fingerprint(row.cfg) for row in rows}
    known = read_known(args.known)
    # Seed by seed, so that a table with all rows is there as early as can be.
    runs: dict[tuple[str, int], Run] = {}
    for seed in args.seeds:
        for row in rows:
            folder = args.work_dir / row.name / f"seed{seed}"
            found = known.get((prints[row.name], seed))
            runs.setdefault((row.name, seed), Run(row.cfg, seed, folder, found))
    for run in runs.values():
        run.check()
    batch = Batch([] if args.summary else [*runs.values()], args.jobs)
    if batch.runs:
        batch.execute()

    scores: dict[str, dict[int, dict[str, float] | None]] = {}
    for (name, seed), run in runs.items():
        scores.setdefault(name, {})[seed] = run.results()
    means = summarize(scores, args.baseline)
    table = [
        {
            "row": row.name,
            "sweep": row.sweep,
            **means[row.name],
            "config": prints[row.name],
            "runs": {seed: one for seed, one in scores[row.name].items() if one},
        }
        for row in rows
    ]
    measured = {metric for row in table for metric in row["metrics"]}
    metrics = args.metrics or [one for one in METRICS if one in measured] or METRICS[:2]
    text = markdown(table, metrics, args.baseline)
    args.work_dir.mkdir(parents=True, exist_ok=True)
    (args.work_dir / f"{args.name}.json").write_text(json.dumps(table, indent=2) + "\n")
    (args.work_dir / f"{args.name}.md").write_text(text)
    for what, _ in args.sweep:
        series = {
            path: [means[row.name] | {"value": row.sweep[1]} for row in rows
                   if row.config == path and row.sweep and row.sweep[0] == what]
            for path in dict.fromkeys(row.config for row in rows)
        }  # fmt: skip
        plot_sweep(series, what, args.work_dir / f"{args.name}_{what}.png")
    Console(highlight=False, soft_wrap=True).print(text)
    if batch.stopped:
        sys.exit("stopped; the same command goes on")
    if batch.failed:
        sys.exit(f"{len(batch.failed)} runs failed")


if __name__ == "__main__":
    main()
