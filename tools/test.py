"""Scores a checkpoint on the test split of a config, and of others if asked.

Where the data has viewpoints, also within, across and between them. More figures come beside the
plain ones by --cfg-options test_evaluator.rerank=True and the other switches of
mmvareid.evaluation.Scoring.
"""

import argparse
import json
import sys
from pathlib import Path

from mmengine.config import Config, DictAction
from mmengine.dist import is_main_process
from mmengine.runner import Runner, TestLoop
from rich.console import Console

from mmvareid.config import load_config
from mmvareid.datasets import plain_packing
from mmvareid.engine.processes import (
    exit_as_one,
    find_launcher,
    prepare_cpu_distributed,
)
from mmvareid.engine.run_config import check_run
from mmvareid.evaluation import score_tables
from mmvareid.fileio.checkpoints import load_checkpoint_safely, use_safe_checkpoints
from mmvareid.fileio.outputs import check_outputs
from mmvareid.fileio.weights import match_weights
from mmvareid.fileio.whole_files import whole_file


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config file")
    parser.add_argument("checkpoint", help="checkpoint file")
    parser.add_argument(
        "--also",
        nargs="+",
        default=[],
        metavar="CONFIG",
        help="score the same model on the test data of these configs too; data_root=DIR behind one "
        "says where its data is",
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
    args = parser.parse_args()
    check_outputs(parser, args.out)
    check_outputs(parser, args.dump, endings=[".npz"])
    return args


def load_others(also: list[str]) -> dict[str, Config]:
    """Return the configs of ``--also`` by name; options stand behind the config that they are of.

    Raises:
        ValueError: An option stands before all configs, or two configs have one name.
    """
    options: dict[str, dict[str, str]] = {}
    for text in also:
        key, found, value = text.partition("=")
        if not found:
            if text in options:
                raise ValueError(f"--also has to name each config once, but got {text} twice")
            options[text] = {}
        elif not options:
            raise ValueError(f"--also has to begin with a config, but got {text}")
        else:
            options[[*options][-1]][key] = value
    others = {Path(path).stem: load_config(path, given) for path, given in options.items()}
    if len(others) < len(options) or "reid" in others:
        raise ValueError(f"--also has to name configs by different names, but got {[*options]}")
    return others


def add_mirror_image(cfg: Config) -> None:
    """Have the pipeline give each image as it is and mirrored; the last step packs both."""
    cfg.test_dataloader = plain_packing(cfg.test_dataloader)  # of each image there are two
    *steps, pack = cfg.test_dataloader.dataset.pipeline
    flips = [dict(type="RandomFlip", prob=prob, direction="horizontal") for prob in (0.0, 1.0)]
    both = dict(type="TestTimeAug", transforms=[flips, [pack]])
    cfg.test_dataloader.dataset.pipeline = [*steps, both]


def show(scores: dict[str, float], title: str = "") -> None:
    """Print scores as tables, in the first process."""
    if is_main_process():
        console = Console(highlight=False)
        if title:
            console.print(title)
        for table in score_tables(scores):
            console.print(table)


def main() -> None:
    args = parse_args()
    use_safe_checkpoints()
    try:
        cfg = load_config(args.config, args.cfg_options)
        others = load_others(args.also)
        content = load_checkpoint_safely(args.checkpoint, map_location="cpu")
        cfg.launcher = find_launcher(cfg, args.launcher)
        check_run(cfg)
        prepare_cpu_distributed(cfg)
    except (ValueError, OSError) as error:
        exit_as_one(f"test: {error}")
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
    loops = {}
    for name, other in others.items():
        # Their data, seen and scored as the model's own.
        other.test_dataloader.dataset.pipeline = cfg.test_dataloader.dataset.pipeline
        loader = runner.build_dataloader(other.test_dataloader)  # an error in it comes here
        scorer = runner.build_evaluator({**evaluator, "prefix": name})
        fp16 = cfg.test_cfg.get("fp16", False)
        loops[name] = TestLoop(runner, loader, scorer, fp16=fp16)
    metrics = runner.test()
    show(metrics)
    try:
        for name, loop in loops.items():
            scores = loop.run()
            show(scores, f"On the data of {name}:")
            metrics = {**metrics, **scores}
    finally:  # an error in one set costs none before it
        if args.out and is_main_process():
            with whole_file(args.out) as part:
                part.write_text(json.dumps(metrics, indent=2) + "\n")
    lost = [getattr(metric, "dump_error", "") for metric in runner.test_evaluator.metrics]
    if any(lost):
        sys.exit(f"test: {' '.join(filter(None, lost))}")


if __name__ == "__main__":
    main()
