"""Scores a checkpoint on the test split of a config.

Where the data has viewpoints, also within, across and between them. Re-ranked figures come beside
the plain ones by --cfg-options test_evaluator.rerank=True.
"""

import argparse
import json
from pathlib import Path

from mmengine.config import DictAction
from mmengine.dist import is_main_process
from mmengine.runner import Runner
from rich.console import Console

from mmvareid.compat import (
    check_weights,
    load_checkpoint_safely,
    prepare_cpu_distributed,
    use_safe_checkpoints,
)
from mmvareid.config import load_config
from mmvareid.evaluation import score_tables


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config file")
    parser.add_argument("checkpoint", help="checkpoint file")
    parser.add_argument("--work-dir", help="folder of the log")
    parser.add_argument("--out", help="write the metrics to this JSON file")
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        action=DictAction,
        help="override the config: key=value; data_root=DIR reaches every dataloader",
    )
    parser.add_argument("--launcher", choices=["none", "pytorch", "slurm", "mpi"], default="none")
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    if args.out:
        Path(args.out).parent.mkdir(parents=True, exist_ok=True)
    use_safe_checkpoints()
    cfg = load_config(args.config, args.cfg_options)
    cfg.launcher = args.launcher
    cfg.work_dir = args.work_dir or cfg.work_dir
    cfg.load_from = args.checkpoint
    cfg.resume = False
    prepare_cpu_distributed(cfg)
    runner = Runner.from_cfg(cfg)
    # Features do not need the head, which may be of other people.
    content = load_checkpoint_safely(args.checkpoint)
    check_weights(runner.model, content, args.checkpoint, but_for="head.")
    metrics = runner.test()
    if not is_main_process():
        return
    console = Console(highlight=False)
    for table in score_tables(metrics):
        console.print(table)
    if args.out:
        Path(args.out).write_text(json.dumps(metrics, indent=2) + "\n")


if __name__ == "__main__":
    main()
