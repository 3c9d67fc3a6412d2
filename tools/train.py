"""Trains a model from a config."""

import argparse

import torch
from mmengine.config import Config, DictAction
from mmengine.runner import CheckpointLoader

from mmvareid.config import load_config
from mmvareid.engine.processes import (
    exit_as_one,
    find_launcher,
    keep_freed_memory,
    prepare_cpu_distributed,
)
from mmvareid.engine.run_config import build_runner, check_run
from mmvareid.fileio.checkpoints import use_safe_checkpoints
from mmvareid.fileio.newest_checkpoint import find_whole_checkpoint
from mmvareid.fileio.whole_files import use_atomic_files


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config file")
    parser.add_argument("--work-dir", help="folder of logs and checkpoints")
    parser.add_argument(
        "--resume",
        nargs="?",
        const="auto",
        help="go on from the newest whole checkpoint of the work dir, or from the one given",
    )
    parser.add_argument("--amp", action="store_true", help="mixed precision (needs a GPU)")
    parser.add_argument("--no-validate", action="store_true", help="do not evaluate in training")
    parser.add_argument(
        "--auto-scale-lr", action="store_true", help="scale the learning rate with the batch"
    )
    parser.add_argument("--seed", type=int, help="seed of everything random")
    parser.add_argument(
        "--deterministic", action="store_true", help="deterministic algorithms alone"
    )
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        action=DictAction,
        help="override the config: key=value, with dots for what is nested; data_root=DIR reaches "
        "every dataloader",
    )
    parser.add_argument(
        "--launcher",
        choices=["none", "pytorch", "slurm", "mpi"],
        help="how processes were started; by default torchrun is seen",
    )
    args = parser.parse_args()
    if args.amp and not torch.cuda.is_available():
        parser.error("--amp has to have a GPU, but none is found; leave it out on a CPU")
    return args


def newest(work_dir: str) -> str | None:
    """Return the newest whole checkpoint, and say which are skipped."""
    path, skipped = find_whole_checkpoint(work_dir)
    for line in skipped:
        print(line)
    if skipped and not path:
        raise ValueError(
            f"--resume has to find a whole checkpoint in {work_dir}, but none of {len(skipped)} "
            "can be read, and a new run would write over them; move them away to start anew"
        )
    print(f"Going on from {path}" if path else f"No checkpoint in {work_dir}: starting anew")
    return str(path) if path else None


def resume(cfg: Config, path: str, own_seed: bool) -> None:
    """Go on from a checkpoint, with its seed unless the command line has one of its own."""
    cfg.load_from, cfg.resume = path, True
    content = CheckpointLoader.load_checkpoint(path, map_location="cpu")
    if not isinstance(content, dict) or "optimizer" not in content:
        raise ValueError(f"--resume has to get a checkpoint of a training, but {path} is none")
    seed = content.get("meta", {}).get("seed")
    if not own_seed and seed is not None:  # the sampler takes one before MMEngine looks
        cfg.randomness = {**cfg.get("randomness", {}), "seed": seed}


def make_config(args: argparse.Namespace) -> Config:
    """Return the config with what the command line sets."""
    cfg = load_config(args.config, args.cfg_options)
    cfg.launcher = find_launcher(cfg, args.launcher)
    cfg.work_dir = args.work_dir or cfg.work_dir
    if args.amp:
        cfg.optim_wrapper.type = "AmpOptimWrapper"
        cfg.optim_wrapper.setdefault("loss_scale", "dynamic")
    if args.seed is not None:
        cfg.randomness = {**cfg.get("randomness", {}), "seed": args.seed}
    if args.resume:
        path = newest(cfg.work_dir) if args.resume == "auto" else args.resume
        if path:
            chosen = [key for key in args.cfg_options or () if key.startswith("randomness")]
            resume(cfg, path, own_seed=args.seed is not None or bool(chosen))
    if args.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
        if checkpoint := cfg.get("default_hooks", {}).get("checkpoint"):
            checkpoint.save_best = None
    if args.auto_scale_lr:
        if not cfg.get("auto_scale_lr"):
            raise ValueError(
                "--auto-scale-lr has to know the batch that the learning rate is for; add "
                "auto_scale_lr=dict(base_batch_size=64), or its number, to the config"
            )
        cfg.auto_scale_lr.enable = True
    if args.deterministic:
        cfg.randomness = {**cfg.get("randomness", {}), "deterministic": True}
    if (cfg.get("default_hooks", {}).get("checkpoint") or {}).get("max_keep_ckpts") == 1:
        raise ValueError(
            "default_hooks.checkpoint.max_keep_ckpts has to be 2 or more, or -1 for all, but got "
            "1: the old checkpoint would be removed before the new one is written"
        )
    return cfg


def main() -> None:
    args = parse_args()
    use_safe_checkpoints()
    use_atomic_files()
    try:
        cfg = make_config(args)
        check_run(cfg)
        prepare_cpu_distributed(cfg)
    except (ValueError, OSError) as error:
        exit_as_one(f"train: {error}")
    if not torch.cuda.is_available():
        keep_freed_memory()
    build_runner(cfg).train()


if __name__ == "__main__":
    main()
