"""One training step and one test pass of the paper's models on 64 images of 384x128.

Each model runs in a process of its own, whose peak memory is told.

    python benchmarks/paper_step.py --out benchmarks/results/paper_step.json
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import torch
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmpretrain.structures import DataSample
from rich.console import Console
from rich.table import Table

from mmvareid.config import load_config
from mmvareid.registry import MODELS

CONFIGS = Path(__file__).parents[1] / "configs/va_reid"
MODELS_TOLD = ("va-reid_seresnext101_market1501", "va-reid-local_seresnext101_market1501")
SHAPE, BATCH = (384, 128), 64


def step_and_test(name: str) -> dict[str, float]:
    """Train a step by the config's optimizer, then compute descriptors of the same images."""
    cfg = load_config(str(CONFIGS / f"{name}.py"))
    init_default_scope("mmpretrain")
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    optim_wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    samples = [DataSample().set_gt_label(i // 4) for i in range(BATCH)]
    for i, sample in enumerate(samples):
        sample.set_field(i % 3, "viewpoint")
    images = torch.randn(BATCH, 3, *SHAPE)
    result = {"threads": torch.get_num_threads(), "start_gib": _peak()}

    start = time.perf_counter()
    model.train()
    losses = model(images, samples, mode="loss")
    loss = sum(losses.values())
    optim_wrapper.update_params(loss)
    result |= {"train_s": time.perf_counter() - start, "train_gib": _peak(), "loss": loss.item()}

    start = time.perf_counter()
    model.train(False)
    with torch.no_grad():
        found = model(images, samples, mode="predict")
    result |= {
        "test_s": time.perf_counter() - start,
        "peak_gib": _peak(),
        "dimension": len(found[0].feature),
    }
    return result


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", choices=MODELS_TOLD, help="run this one here, print JSON")
    parser.add_argument("--out", type=Path, help="write the figures to this JSON file")
    args = parser.parse_args()
    if args.model:
        print(json.dumps(step_and_test(args.model)))
        return
    results = {}
    table = Table("model", "training step", "peak memory", "test pass", "descriptor")
    for name in MODELS_TOLD:
        command = [sys.executable, "-W", "ignore", __file__, "--model", name]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        found = results[name] = json.loads(done.stdout.splitlines()[-1])
        table.add_row(
            name,
            f"{found['train_s']:.0f} s",
            f"{found['peak_gib']:.1f} GiB",
            f"{found['test_s']:.0f} s",
            str(found["dimension"]),
        )
    Console().print(table)
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
