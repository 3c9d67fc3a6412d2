"""The runs behind docs/results.md: rows of Table 2, readings of Eq. 4 and 9, controls and sweeps.

    python benchmarks/ablation.py synthetic data/synthetic
    python benchmarks/ablation.py rendered /path/to/rendered_people --only controls --jobs 2

Each group of runs is a table of ``tools/analysis_tools/ablation.py``. Finished runs are kept in
``benchmarks/results/ablation_<set>.json`` and are not done again, not even on another machine. What
was stopped goes on in ``--work-dir``. A run is 28 epochs, about ten minutes of two cores, and there
are some 90 for each set. Groups come in order of worth.
"""

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from mmvareid.fileio.whole_files import whole_file

ROOT = Path(__file__).parents[1]
TOOL = ROOT / "tools/analysis_tools/ablation.py"
SETS = {"synthetic": "synthetic", "rendered": "market1501"}  # the ending of the configs
CLASSES = {"synthetic": "num_classes=128", "rendered": "num_classes=160"}
# The synthetic configs have 8 epochs for the demo; convergence takes as many as on the other set.
EPOCHS = {
    "synthetic": ["train_cfg.max_epochs=28", "param_scheduler.1.milestones=19,25"],
    "rendered": [],
}
LONG = ["train_cfg.max_epochs=56", "param_scheduler.1.milestones=38,50"]


@dataclass(frozen=True)
class Group:
    """Rows of one table: configs without their ending, and what is subtracted from them."""

    configs: list[str]
    baseline: str | None
    arguments: list[str] = field(default_factory=list)
    long: bool = False
    network: str = "seresnext-small"


GROUPS = {
    "controls": Group(
        ["va_reid/ly", "va_reid/va-reid", "controls/va-reid-shuffled", "controls/va-reid-one-view",
         "controls/ly-double-lr"], "ly",
    ),
    "rows": Group(
        [f"va_reid/{row}" for row in ("xent", "lsr", "ly", "ly-lv", "ly-lr", "va-reid",
                                      "va-reid-local")], "ly",
    ),
    "readings": Group(
        ["va_reid/ly", "va_reid/va-reid", *(f"readings/va-reid-{reading}" for reading in (
            "all", "printed", "sum", "all-sum", "printed-sum"))], "ly",
    ),
    "scale": Group(  # each row has its own baseline: the other loss at the same value
        ["va_reid/ly", "va_reid/va-reid"], None,
        ["--sweep", "scale=7,10,14", "--sweep", "margin=0,0.1,0.3"],
    ),
    "smoothing": Group(
        ["va_reid/va-reid"], "va-reid",
        ["--sweep", "alpha=0,0.2,0.4", "--sweep", "beta=0.1,1,10,40"],
    ),
    "long": Group(["va_reid/ly", "va_reid/va-reid"], "ly", long=True),
    "imagenet": Group(
        [f"va_reid/{row}" for row in ("ly", "va-reid", "va-reid-local")], "ly",
        network="mobilenet-v2",
    ),
    "labels": Group(  # docs/results.md says how the files of pose and classifier are made
        ["va_reid/va-reid", *(f"viewpoint_labels/{labels}" for labels in (
            "pose", "classifier", "noise25", "noise50", "none"))], "va-reid",
    ),
}  # fmt: skip


def merge(known: Path, new: Path) -> None:
    """Add the runs of a table to those that are kept, by config."""
    kept = {row["config"]: row for row in json.loads(known.read_text())} if known.exists() else {}
    for row in json.loads(new.read_text()):
        old = kept.setdefault(row["config"], {"row": row["row"], "config": row["config"]})
        old["runs"] = {**old.get("runs", {}), **row["runs"]}
    with whole_file(known) as part:
        part.write_text(json.dumps([row for row in kept.values() if row["runs"]], indent=1) + "\n")


def tool_command(
    args: argparse.Namespace, name: str, seeds: list[int], known: Path
) -> tuple[list, Path]:
    """Return the command that runs a group, and the table that it writes."""
    group = GROUPS[name]
    small = group.network == "seresnext-small"
    ending = f"_{group.network}_{SETS[args.set] if small else 'market1501'}"
    folder = args.work_dir / args.set / ("long" if group.long else "")
    schedule = LONG if group.long else EPOCHS[args.set] if small else []
    command = [
        sys.executable, TOOL, *(ROOT / f"configs/{one}{ending}.py" for one in group.configs),
        "--work-dir", folder, "--name", name, "--jobs", args.jobs, *group.arguments,
        *(["--baseline", group.baseline + ending] if group.baseline else []),
        "--seeds", *seeds, *(["--known", known] if known.exists() else []),
        "--cfg-options", f"data_root={args.data_root}", CLASSES[args.set], *schedule,
    ]  # fmt: skip
    return command, folder / f"{name}.json"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("set", choices=SETS)
    parser.add_argument("data_root", type=Path)
    parser.add_argument("--only", choices=GROUPS, nargs="+", default=[*GROUPS], metavar="GROUP")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time; default: 2")
    parser.add_argument("--work-dir", type=Path, default=ROOT / "work_dirs/ablation")
    args = parser.parse_args()
    known = ROOT / f"benchmarks/results/ablation_{args.set}.json"
    for number in range(1, len(args.seeds) + 1):  # every group with one seed before any with two
        for name in args.only:
            command, table = tool_command(args, name, args.seeds[:number], known)
            failed = subprocess.run([str(part) for part in command]).returncode
            if table.exists():
                merge(known, table)
            if failed:
                sys.exit("stopped; the same command goes on")


if __name__ == "__main__":
    main()
