"""Faults put into training runs: how often each was tried, what was lost, and what was said.

    python benchmarks/faults.py --times 20 --out benchmarks/results/faults.json

Runs are of the small network on synthetic people, four epochs with a checkpoint and a validation
each. After a fault the run is resumed by `--resume`, and its last and its best checkpoint are
compared with those of a run without fault: a run is lost if it does not come to its end, or ends
with other weights or another best epoch. A second call goes on where the first was stopped.
"""

import argparse
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from mmvareid.datasets import make_synthetic

ROOT = Path(__file__).parents[1]
CONFIG = ROOT / "configs/va_reid/va-reid_seresnext-small_synthetic.py"
EPOCHS = 4
# A checkpoint is written in twenty pieces, so that a kill can come in the middle of it.
SLOW_WRITES = """
import io, time
from pathlib import Path
plain = Path.open

class Slow(io.FileIO):
    def write(self, data):
        size = -(-len(data) // 20)
        for start in range(0, len(data), size):
            super().write(data[start : start + size])
            time.sleep(0.05)

def slowed(path, mode="r", *args, **options):
    return Slow(path, mode) if path.suffix == ".part" else plain(path, mode, *args, **options)

Path.open = slowed
"""
# The loss of a batch of the second epoch is no number.
NAN = """
from mmvareid.models import VAHead
plain, calls = VAHead.loss, []

def loss(head, *args, **options):
    calls.append(None)
    value = float("nan") if len(calls) == 15 else 1
    return {name: one * value for name, one in plain(head, *args, **options).items()}

VAHead.loss = loss
"""
RUN = """
import runpy, sys
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


class Trial:
    """One run in a folder of its own."""

    def __init__(self, data: Path, folder: Path) -> None:
        self.data, self.folder = data, folder
        self.log = folder.with_suffix(".log")

    def start(
        self, *more: str, patch: str = "", ranks: int = 1, before: Callable | None = None
    ) -> subprocess.Popen:
        """Start training; what it prints goes to a file."""
        tool = str(ROOT / "tools/train.py")
        runner = [sys.executable, "-W", "ignore"]
        if ranks > 1:
            runner += ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={ranks}"]
        elif patch:
            runner += ["-c", patch + RUN]
        options = [
            f"data_root={self.data}", "num_classes=8", "train_dataloader.batch_size=16",
            f"train_dataloader.sampler.num_identities={8 // 2 // ranks}",
            f"train_cfg.max_epochs={EPOCHS}", "train_cfg.val_interval=1",
            "default_hooks.checkpoint.interval=1", "train_dataloader.num_workers=1",
        ]  # fmt: skip
        if ranks > 1:
            options[2] = f"train_dataloader.batch_size={16 // ranks}"
            more = (*more, "--launcher", "pytorch")
        return subprocess.Popen(
            [*runner, tool, str(CONFIG), "--work-dir", str(self.folder), *more,
             "--cfg-options", *options],
            stdout=self.log.open("a"), stderr=subprocess.STDOUT, start_new_session=True,
            preexec_fn=before, env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip

    def wait_for(self, sign: Callable[[], bool], run: subprocess.Popen) -> None:
        """Wait until something is there, or the run has ended."""
        while run.poll() is None and not sign():
            time.sleep(0.02)

    def checkpoints(self) -> list[Path]:
        return sorted(self.folder.glob("epoch_*.pth"))

    def left(self) -> dict[str, int]:
        """Names and sizes of the checkpoints, and of the parts that were not finished."""
        return {path.name: path.stat().st_size for path in sorted(self.folder.glob("*.pth*"))}

    def error(self) -> str:
        """The last line of the log that names an error, but for torchrun's own."""
        lines = self.log.read_text(errors="replace").splitlines()
        named = [
            line
            for line in lines
            if line.split(":")[0].endswith(("Error", "Exception")) and "ChildFailed" not in line
        ]
        return named[-1][:200] if named else ""


def stop(run: subprocess.Popen) -> None:
    """Kill a run and its workers, as a machine that goes down does."""
    if run.poll() is None:
        os.killpg(run.pid, signal.SIGKILL)
    run.wait()


def kill_in_epoch(trial: Trial) -> str:
    run = trial.start()
    which = trial.folder / f"epoch_{random.randint(1, EPOCHS - 1)}.pth"
    trial.wait_for(which.exists, run)
    time.sleep(random.uniform(0, 2))
    stop(run)
    return ""


def kill_while_writing(trial: Trial) -> str:
    run = trial.start(patch=SLOW_WRITES)
    # Not the first: there would be nothing to go on from.
    part = trial.folder / f"epoch_{random.randint(2, EPOCHS)}.pth.part"
    trial.wait_for(part.exists, run)
    time.sleep(random.uniform(0, 1))
    stop(run)
    return ""


def not_a_number(trial: Trial) -> str:
    trial.start(patch=NAN).wait()
    return trial.error()


def full_disk(trial: Trial) -> str:
    run = trial.start()
    trial.wait_for(lambda: bool(trial.checkpoints()), run)
    stop(run)
    size = trial.checkpoints()[0].stat().st_size // 2
    limit = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (size, size))
    trial.start("--resume", before=limit).wait()
    return trial.error()


def kill_worker(trial: Trial) -> str:
    run = trial.start()
    trial.wait_for(lambda: bool(trial.checkpoints()), run)
    children = subprocess.run(["pgrep", "-P", str(run.pid)], capture_output=True, text=True).stdout
    for child in children.split():
        os.kill(int(child), signal.SIGKILL)
    try:
        run.wait(timeout=60)
    except subprocess.TimeoutExpired:
        stop(run)
        return "the run hung"
    return trial.error()


def data_vanish(trial: Trial) -> str:
    run = trial.start()
    trial.wait_for(lambda: bool(trial.checkpoints()), run)
    aside = trial.data.with_name("aside")
    trial.data.rename(aside)
    try:
        run.wait(timeout=120)
        return trial.error()
    except subprocess.TimeoutExpired:
        stop(run)
        return "the run hung"
    finally:
        aside.rename(trial.data)


def kill_rank(trial: Trial) -> str:
    run = trial.start(ranks=2)
    trial.wait_for(lambda: bool(trial.checkpoints()), run)
    ranks = subprocess.run(["pgrep", "-P", str(run.pid)], capture_output=True, text=True).stdout
    os.kill(int(ranks.split()[-1]), signal.SIGKILL)
    start = time.time()
    try:
        run.wait(timeout=120)
    except subprocess.TimeoutExpired:
        stop(run)
        return "the other rank hung"
    lines = trial.log.read_text(errors="replace").splitlines()
    signal_line = next((line for line in lines if "Signal 9" in line), "no signal was told")
    return f"{signal_line.strip()}; the others ended after {time.time() - start:.0f} s"


FAULTS = {
    "SIGKILL in an epoch": kill_in_epoch,
    "SIGKILL while a checkpoint is written": kill_while_writing,
    "disk full while a checkpoint is written": full_disk,
    "a loss that is no number": not_a_number,
    "a worker is killed": kill_worker,
    "the data vanish": data_vanish,
    "a rank of two is killed": kill_rank,
}


def outcome(folder: Path) -> dict[str, dict]:
    """The weights of the last checkpoint and of the best, which has its epoch in its name."""
    paths = [folder / f"epoch_{EPOCHS}.pth", *folder.glob("best_*.pth")]
    return {
        path.name: torch.load(path, weights_only=False)["state_dict"]
        for path in paths
        if path.is_file()
    }


def equal(one: dict[str, dict], other: dict[str, dict]) -> bool:
    return one.keys() == other.keys() and all(
        torch.equal(weights[name], other[path][name])
        for path, weights in one.items()
        for name in weights
    )


def try_once(fault: str, data: Path, place: Path, expected: dict[str, dict]) -> dict:
    """Put a fault into a run, resume it, and compare."""
    trial = Trial(data, place / "run")
    said = FAULTS[fault](trial)
    left = trial.left()
    ranks = 2 if fault == "a rank of two is killed" else 1
    trial.start("--resume", ranks=ranks).wait()
    return {"lost": not equal(outcome(trial.folder), expected), "said": said, "left": left}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--times", type=int, default=20, help="of the two SIGKILLs; others a fifth")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/faults.json"))
    args = parser.parse_args()
    found = json.loads(args.out.read_text()) if args.out.is_file() else {}
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        data = Path(folder) / "data"
        make_synthetic(data, num_ids=16, num_distractors=0, num_junk=0, seed=0)
        expected = {}
        for ranks in (1, 2):
            trial = Trial(data, Path(folder) / f"straight{ranks}")
            trial.start(ranks=ranks).wait()
            expected[ranks] = outcome(trial.folder)
            assert len(expected[ranks]) == 2, trial.log.read_text()[-2000:]
        for fault in FAULTS:
            times = args.times if "SIGKILL" in fault else max(args.times // 5, 1)
            trials = found.setdefault(fault, [])
            while len(trials) < times:
                place = Path(folder) / f"trial{len(trials)}"
                place.mkdir()
                random.seed(f"{fault} {len(trials)}")
                ranks = 2 if fault == "a rank of two is killed" else 1
                trials.append(try_once(fault, data, place, expected[ranks]))
                shutil.rmtree(place)
                print(f"{fault} {len(trials)}: {trials[-1]}", flush=True)
                args.out.parent.mkdir(parents=True, exist_ok=True)
                args.out.write_text(json.dumps(found, indent=2) + "\n")
    table = Table("fault", "times tried", "runs lost", "error shown")
    for fault, trials in found.items():
        said = next((trial["said"] for trial in trials if trial["said"]), "")
        table.add_row(fault, str(len(trials)), str(sum(t["lost"] for t in trials)), said)
    Console().print(table)


if __name__ == "__main__":
    main()
