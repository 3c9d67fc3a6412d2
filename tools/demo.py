"""Draws synthetic people, trains the small VA-reID on them, and shows what it learned."""

import argparse
import json
import time
from pathlib import Path

import cv2
import numpy as np
from mmengine.runner import Runner
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from mmvareid.config import load_config
from mmvareid.datasets import SyntheticPeople, make_synthetic
from mmvareid.evaluation import rank, stripe_histogram
from mmvareid.visualization import plot_curves

ROOT = Path(__file__).parents[1]
CONFIG = ROOT / "configs/va_reid/va-reid_seresnext-small_synthetic.py"
NUM_IDS = 256  # half of them are the 128 classes of the config
COLUMNS = ("mAP", "mINP", "Rank-1", "Rank-5")


def draw_people(root: Path) -> None:
    """Write the synthetic set, unless an earlier run has."""
    if (root / "viewpoints.csv").exists():
        print(f"The synthetic people are there already: {root}")
        return
    with Progress() as bar:
        task = bar.add_task("Drawing people")
        counts = make_synthetic(
            root,
            NUM_IDS,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    print(f"Drew {', '.join(f'{number} {kind}' for kind, number in counts.items())}: {root}")


def score_histograms(root: Path) -> dict[str, float]:
    """Score the colour histograms of six stripes: a descriptor that has learned nothing."""
    dataset = SyntheticPeople(root, split="test")
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    features = stripe_histogram([cv2.imread(info["img_path"]) for info in infos])
    people, cameras, is_query = (
        np.array([info[key] for info in infos]) for key in ("person_id", "camera_id", "is_query")
    )
    split = [array[part] for array in (features, people, cameras) for part in (is_query, ~is_query)]
    return rank(*split).summary(topk=(1, 5))


def score_network(runner: Runner) -> dict[str, float]:
    """Score the network of a runner as it stands."""
    return {name.removeprefix("reid/"): value for name, value in runner.test().items()}


def show(results: dict[str, dict[str, float]], minutes: float) -> Table:
    """Return the results as a table."""
    table = Table(title=f"Synthetic people, test split ({minutes:.1f} minutes)")
    table.add_column("")
    for name in COLUMNS:
        table.add_column(name, justify="right")
    for row, scores in results.items():
        table.add_row(row, *(f"{scores[name]:.1f}" for name in COLUMNS))
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-root", type=Path, default=ROOT / "data/synthetic")
    parser.add_argument("--work-dir", type=Path, default=ROOT / "work_dirs/demo")
    parser.add_argument("--epochs", type=int, help="train for fewer epochs than the config's")
    args = parser.parse_args()
    start = time.time()
    draw_people(args.data_root)

    options = {"data_root": str(args.data_root)}
    if args.epochs:
        options["train_cfg.max_epochs"] = args.epochs
    cfg = load_config(str(CONFIG), options)
    cfg.work_dir = str(args.work_dir)
    runner = Runner.from_cfg(cfg)
    results = {
        "stripe histogram": score_histograms(args.data_root),
        "untrained network": score_network(runner),
    }
    runner.train()
    results["VA-reID, trained"] = score_network(runner)

    (args.work_dir / "results.json").write_text(json.dumps(results, indent=2) + "\n")
    log_dir = Path(runner.log_dir)
    plot_curves(log_dir / "vis_data/scalars.json", args.work_dir / "curves.png")
    console = Console(highlight=False, soft_wrap=True)
    console.print(show(results, (time.time() - start) / 60))
    checkpoint = (args.work_dir / "last_checkpoint").read_text().strip()
    for what, path in (
        ("checkpoint", checkpoint),
        ("curves", args.work_dir / "curves.png"),
        ("figures", args.work_dir / "results.json"),
        ("logs", log_dir),
    ):
        console.print(f"{what:>10}: {path}")


if __name__ == "__main__":
    main()
