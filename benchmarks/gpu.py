"""What a GPU is to be measured for, in one run of at most eight minutes.

    python benchmarks/gpu.py --out benchmarks/results/gpu.json
    python benchmarks/gpu.py --smoke     # tiny sizes, on a CPU too: does it run?

Parts stand in order of worth, and each is written to the file as it ends, so that a run that is cut
off loses one part; a part that starts after ``--minutes`` is left out, and the file says so. It
needs the package with its extra ``all`` (``pip install -e ".[all]"``: torch with CUDA, torchvision,
onedl-mmengine, onedl-mmcv, onedl-mmpretrain, opencv-python, rich, pytest, hypothesis), Triton,
which comes with torch's wheels for CUDA, and a C compiler for it. For ``--fastreid``, a clone of
JDAI-CV/fast-reid, also yacs, termcolor, tabulate, scikit-learn and faiss-cpu.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from gpu_ranking import measure_extraction, measure_rank, measure_rerank
from gpu_steps import ROWS, WAYS, measure_way
from machine import describe_machine

ROOT = Path(__file__).parents[1]
# What failed on a machine with one GPU before it was looked at.
TESTS = [
    "tests/test_apis/test_inferencer.py",
    "tests/test_engine/test_hooks/test_resume.py",
    "tests/test_engine/test_hooks/test_unreadable_images_hook.py",
    "tests/test_speed_configs.py",
]


def parts(device: str, smoke: bool, fastreid: Path | None) -> dict[str, Callable[[], Any]]:
    """What is measured, by name, the most worth first."""
    size, repeats = ("smoke", 1) if smoke else ("market", 5)
    ways = [WAYS[0], WAYS[5]] if smoke else WAYS
    backbone = "seresnext-small" if smoke else "seresnext101"
    found: dict[str, Callable[[], Any]] = {}

    def add_steps(row: str) -> None:
        for way in ways:
            found[f"step {row}, {way}"] = lambda way=way: measure_way(
                f"{row}_{backbone}_market1501", way, device, smoke
            )

    add_steps(ROWS[0])
    found[f"rank {size}"] = lambda: measure_rank(size, device, repeats)
    found[f"rerank {size}"] = lambda: measure_rerank(size, device, min(repeats, 3))
    if not smoke:
        found["rank msmt17"] = lambda: measure_rank("msmt17", device, 3)
        for row in ROWS[1:]:
            add_steps(row)
    found["Runner and bare loop"] = lambda: measure_runner(smoke)
    found["extraction"] = lambda: measure_extraction(device, smoke)
    if fastreid is not None:
        from gpu_fastreid import measure_fastreid

        found["fast-reid"] = lambda: measure_fastreid(fastreid, device)
    if not smoke:
        found["tests"] = run_tests
    return found


def measure_runner(smoke: bool) -> dict[str, float]:
    """Images a second of MMEngine's Runner and of a loop of ten lines, step by step."""
    from training import rows_of
    from training_loop import make_config, measure_loop

    from mmvareid.synthetic import make_synthetic

    name = "va_reid/va-reid_seresnext-small_synthetic.py" if smoke else "speed/on_batch.py"
    with tempfile.TemporaryDirectory() as folder:
        people = Path(folder) / "people"
        make_synthetic(
            people, num_ids=8 if smoke else 80, images_per_id=12 if smoke else 24, seed=0
        )
        options = {"train_cfg.max_epochs": 1 if smoke else 2, "num_classes": 4 if smoke else 40}
        options["train_dataloader.num_workers"] = 1 if smoke else 8
        if smoke:
            options |= {"train_dataloader.batch_size": 4}
            options |= {"train_dataloader.sampler.num_identities": 2}
            options |= {"train_dataloader.sampler.num_instances": 2}
        rates = measure_loop(make_config(name, people, options))
    return {case: row["images_a_second"] for case, row in rows_of(rates).items()} | {
        "Runner to bare loop": rows_of(rates)["Runner"]["ratio"]
    }


def run_tests() -> dict[str, Any]:
    """Whether the tests pass that know where they run."""
    command = [sys.executable, "-m", "pytest", "-q", "--no-header", *TESTS]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return {"passed": done.returncode == 0, "end": done.stdout.splitlines()[-8:]}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--smoke", action="store_true", help="tiny sizes, on a CPU too")
    parser.add_argument("--fastreid", type=Path, help="clone of JDAI-CV/fast-reid")
    parser.add_argument("--minutes", type=float, default=8, help="no part starts after that")
    parser.add_argument("--only", nargs="+", help="parts whose names hold one of these")
    parser.add_argument("--out", type=Path, help="write the figures to this JSON file")
    args = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu" and not args.smoke:
        parser.error("there is no GPU; --smoke runs tiny sizes on a CPU")
    name = torch.cuda.get_device_name() if device == "cuda" else "CPU"
    results: dict[str, Any] = {
        "machine": describe_machine(device=name, cuda=torch.version.cuda, smoke=args.smoke)
    }
    start = time.perf_counter()
    for part, measure in parts(device, args.smoke, args.fastreid).items():
        if args.only and not any(word in part for word in args.only):
            continue
        begun = time.perf_counter()
        if begun - start > 60 * args.minutes:
            results[part] = "left out for want of time"
        else:
            try:
                results[part] = measure()
            except Exception as error:  # the others are worth having all the same
                traceback.print_exc()
                results[part] = {"failed": f"{type(error).__name__}: {error}"[:1000]}
        print(f"{part} ({time.perf_counter() - begun:.1f} s): {results[part]}", flush=True)
        if args.out:
            args.out.parent.mkdir(parents=True, exist_ok=True)
            args.out.write_text(json.dumps(results, indent=2) + "\n")
    failed = [part for part, row in results.items() if isinstance(row, dict) and "failed" in row]
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
