"""Scores a checkpoint on the test split of a config, and of others if asked.

Where the data has viewpoints, also within, across and between them. More figures come beside the
plain ones by --cfg-options test_evaluator.rerank=True and the other switches of
mmvareid.evaluation.Scoring.
"""

import argparse
import json
from pathlib import Path

from mmengine.config import Config, DictAction
from mmengine.dist import is_main_process
from mmengine.runner import Runner, TestLoop
from rich.console import Console

from mmvareid.config import load_config
from mmvareid.engine.processes import (
    exit_as_one,
    find_launcher,
    prepare_cpu_distributed,
)
from mmvareid.engine.run_config import check_run
from mmvareid.evaluation import score_tables
from mmvareid.fileio.checkpoints import load_checkpoint_safely, use_safe_checkpoints
from mmvareid.fileio.weights import match_weights


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config file")
    parser.add_argument("checkpoint", help="checkpoint file")
    parser.add_argument(
        "--also",
        nargs="+",
        default=[],
        metavar="CONFIG",
        help="score the same model on the test data of these configs too",
    )
    parser.add_argument("--flip", action="store_true", help="average with the mirror image")
    parser.add_argument("--work-dir", help="folder of the log")
    parser.add_argument("--out", help="write the metrics to this JSON file")
    parser.add_argument("--dump", help="write the features to this .npz file")
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        action=DictAction,
        help="override the config: key=value; data_root=DIR reaches every dataloader",
    )
    parser.add_argument(
        "--launcher",
        choices=["none", "pytorch", "slurm", "mpi"],
        help="how processes were started; by default torchrun is seen",
    )
    return parser.parse_args()


def add_mirror_image(cfg: Config) -> None:
    """Have the pipeline give each image as it is and mirrored; the last step packs both."""
    *steps, pack = cfg.test_dataloader.dataset.pipeline
    flips = [dict(type="RandomFlip", prob=prob, direction="horizontal") for prob in (0.0, 1.0)]
    both = dict(type="TestTimeAug", transforms=[flips, [pack]])
    cfg.test_dataloader.dataset.pipeline = [*steps, both]


def main() -> None:
    args = parse_args()
    if args.out:
        Path(args.out).parent.mkdir(parents=True, exist_ok=True)
    use_safe_checkpoints()
    try:
        cfg = load_config(args.config, args.cfg_options)
        others = {Path(path).stem: load_config(path) for path in args.also}
        content = load_checkpoint_safely(args.checkpoint, map_location="cpu")
        cfg.launcher = find_launcher(cfg, args.launcher)
        check_run(cfg)
        prepare_cpu_distributed(cfg)
    except (ValueError, OSError) as error:
        exit_as_one(f"test: {error}")
    if len(others) < len(args.also) or "reid" in others:
        raise ValueError(f"--also has to name configs by different names, but got {args.also}")
    if (args.dump or others) and not isinstance(cfg.test_evaluator, dict):
        raise ValueError("--dump and --also need one test_evaluator, but the config has several")
    cfg.work_dir = args.work_dir or cfg.work_dir
    cfg.load_from = args.checkpoint
    cfg.resume = False
    if args.flip:
        cfg.model = dict(type="mmvareid.FlipTTAModel", module=cfg.model)
        add_mirror_image(cfg)
    evaluator = dict(cfg.test_evaluator) if others else {}
    if args.dump:
        cfg.test_evaluator.dump = args.dump
    runner = Runner.from_cfg(cfg)
    # Features do not need the head, which may be of other people.
    match_weights(runner.model, content, args.checkpoint, but_for="head.")
    found = {"": runner.test()}
    for name, other in others.items():
        # Their data, seen and scored as the model's own.
        other.test_dataloader.dataset.pipeline = cfg.test_dataloader.dataset.pipeline
        loader = runner.build_dataloader(other.test_dataloader)
        scorer = runner.build_evaluator({**evaluator, "prefix": name})
        fp16 = cfg.test_cfg.get("fp16", False)
        found[name] = TestLoop(runner, loader, scorer, fp16=fp16).run()
    if not is_main_process():
        return
    console = Console(highlight=False)
    for name, scores in found.items():
        if name:
            console.print(f"On the data of {name}:")
        for table in score_tables(scores):
            console.print(table)
    if args.out:
        metrics = {key: value for scores in found.values() for key, value in scores.items()}
        Path(args.out).write_text(json.dumps(metrics, indent=2) + "\n")


if __name__ == "__main__":
    main()
