"""Python, torch and stack versions: what was installed fresh, and trains, resumes, tests, inherits.

    python benchmarks/compatibility.py --out benchmarks/results/compatibility.json

Each environment is made by uv (``pip install uv``), which has to find the Pythons (``uv python
list``); the package goes into it as a user would install it, and the clone is not on its path. Then
the command line draws people, trains two epochs, resumes for a third, tests the checkpoint, and
trains a ResNet-50 whose config inherits ``mmpretrain::``. Last it trains an epoch in bfloat16, goes
on for another with compiled blocks and a fused optimizer, and looks whether both checkpoints hold
the same names and finite numbers. An environment takes 6 GB and is removed when it is done; a
second call goes on with those that are not in the file or failed.
"""

import argparse
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[1]
PYTHONS = ["3.10", "3.11", "3.12", "3.13"]
# The oldest torch that we take, or that has wheels for that Python and a torchvision.
OLDEST = {"3.10": "2.4.0", "3.11": "2.4.0", "3.12": "2.4.0", "3.13": "2.6.0"}
NAMED = ["torch", "torchvision", "numpy", "mmengine", "mmcv-lite", "mmpretrain"]
SMALL = [
    "data_root=people", "num_classes=4", "train_dataloader.batch_size=16",
    "train_dataloader.sampler.num_identities=4", "default_hooks.checkpoint.interval=1",
    "train_cfg.val_interval=1",
]  # fmt: skip
INHERITS = '_base_ = "mmvareid::va_reid/va-reid_resnet50_market1501.py"\n'
# AmpOptimWrapper refuses CPUs.
CPU_AMP = """
from contextlib import contextmanager

import torch
from mmengine.optim import OptimWrapper

from mmvareid.registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class CpuAmpOptimWrapper(OptimWrapper):
    @contextmanager
    def optim_context(self, model):
        with super().optim_context(model), torch.autocast("cpu", torch.bfloat16):
            yield
"""
PLAIN = """
_base_ = "mmvareid::va_reid/va-reid_seresnext-small_synthetic.py"
custom_imports = dict(imports=["cpu_amp"])
optim_wrapper = dict(type="mmvareid.CpuAmpOptimWrapper", optimizer=dict(fused=True))
"""
# Traced, with its backward pass, as for a GPU, but not written in C++.
HOOK = 'dict(type="mmvareid.CompileBlocksHook", backend="aot_eager")'
COMPILED = f"{PLAIN}custom_hooks = [*_base_.custom_hooks, {HOOK}]\n"
FILES = {"inherits.py": INHERITS, "cpu_amp.py": CPU_AMP, "plain.py": PLAIN, "compiled.py": COMPILED}
SAME_NAMES = """
import torch
one, other = (
    torch.load(f"speed/epoch_{i}.pth", weights_only=False)["state_dict"] for i in (1, 2)
)
assert one.keys() == other.keys()
assert all(value.isfinite().all() for value in other.values())
"""


def steps() -> dict[str, list[str]]:
    """What is run in an environment, by name."""
    config = "va_reid/va-reid_seresnext-small_synthetic"
    train = ["train", config, "--work-dir", "run"]
    sizes = ["train_dataloader.dataset.pipeline.1.scale=(32,64)",
             "train_dataloader.dataset.pipeline.3.crop_size=(64,32)"]  # fmt: skip
    return {
        "draw": ["synth", "people", "--num-ids", "8"],
        "train": [*train, "--cfg-options", *SMALL, "train_cfg.max_epochs=2"],
        "resume": [*train, "--resume", "--cfg-options", *SMALL, "train_cfg.max_epochs=3"],
        "test": ["eval", config, "run/epoch_3.pth", "--work-dir", "test",
                 "--cfg-options", *SMALL[:2]],
        "inherit": ["train", "inherits.py", "--work-dir", "inherits", "--cfg-options",
                    *SMALL, *sizes, "train_cfg.max_epochs=1"],
        "low": ["train", "plain.py", "--work-dir", "speed", "--cfg-options", *SMALL,
                "train_cfg.max_epochs=1"],
        "compiled": ["train", "compiled.py", "--work-dir", "speed", "--resume", "--cfg-options",
                     *SMALL, "train_cfg.max_epochs=2"],
        "names": ["-c", SAME_NAMES],
    }  # fmt: skip


def try_environment(python: str, stack: str, torch: str, place: Path) -> dict[str, object]:
    """Make an environment and run the steps until one fails."""
    log = (place / "log").open("w+")

    def run(*command: str | Path) -> bool:
        env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL"))}
        env["OMP_NUM_THREADS"] = "1"
        done = subprocess.run(command, cwd=place, stdout=log, stderr=subprocess.STDOUT, env=env)
        return done.returncode == 0

    interpreter = place / "env/bin/python"
    pip = ["uv", "pip", "install", "--python", interpreter]
    found: dict[str, object] = {"python": python, "stack": stack, "asked torch": torch}
    installed = run("uv", "venv", "--python", python, "env") and run(
        *pip, f"torch{torch and '==' + torch}", "torchvision", f"{ROOT}[{stack},search]"
    )
    found["install"] = "done" if installed else "failed"
    if installed:
        listed = subprocess.run(
            ["uv", "pip", "list", "--python", interpreter, "--format", "json"],
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        versions = {
            part["name"].removeprefix("onedl-"): part["version"] for part in json.loads(listed)
        }
        found["versions"] = {name: versions[name] for name in NAMED if name in versions}
        for name, text in FILES.items():
            (place / name).write_text(text)
        for name, arguments in steps().items():
            module = [] if arguments[0] == "-c" else ["-m", "mmvareid"]
            done = run(interpreter, "-W", "ignore", *module, *arguments)
            found[name] = "done" if done else "failed"
            if not done:
                break
    if "failed" in found.values():
        log.seek(0)
        found["end of log"] = log.read()[-3000:]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pythons", nargs="+", choices=PYTHONS, default=PYTHONS)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/compatibility.json"))
    args = parser.parse_args()
    found = json.loads(args.out.read_text()) if args.out.is_file() else {}
    wanted = [
        (python, stack, torch)
        for newest in (True, False)
        for stack in ("onedl", "openmmlab")
        for python in args.pythons
        for torch in ["" if newest else OLDEST[python]]
    ]
    for python, stack, torch in wanted:
        name = f"Python {python}, {stack}, torch {torch or 'newest'}"
        if name in found and "failed" not in found[name].values():
            continue
        place = Path(tempfile.mkdtemp(prefix="compatibility-"))
        print(name, flush=True)
        found[name] = try_environment(python, stack, torch, place)
        shutil.rmtree(place)
        args.out.write_text(json.dumps(found, indent=2) + "\n")
    table = Table("Python", "stack", "torch", "mmengine", "numpy", "failed")
    for row in found.values():
        versions = row.get("versions", {})
        shown = [versions.get(part, "") for part in ("torch", "mmengine", "numpy")]
        failed = [step for step in ("install", *steps()) if row.get(step) == "failed"]
        table.add_row(row["python"], row["stack"], *shown, *(failed or ["nothing"]))
    Console().print(table)


if __name__ == "__main__":
    main()
