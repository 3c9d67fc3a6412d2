"""Trainings and their tests as processes: resumed, locked, and several at a time."""

import difflib
import fcntl
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from mmengine.config import Config
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from mmvareid.fileio.whole_files import whole_file

TOOLS = Path(__file__).parents[1]


# What says where a run is made, and not what is trained. Of a data_root the last folder stays.
PLACES = {"work_dir", "num_workers", "persistent_workers", "launcher", "resume"}


def fingerprint(cfg: Config) -> str:
    """Return what tells a config's results from those of another, wherever its data lie."""

    def what(value: object) -> object:
        if isinstance(value, dict):
            return {
                key: Path(item).name if key == "data_root" and item else what(item)
                for key, item in value.items()
                if key not in PLACES
            }
        return [what(item) for item in value] if isinstance(value, list | tuple) else value

    text = json.dumps(what(cfg.to_dict()), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class Run:
    """A config trained with a seed and tested, in a folder of its own.

    The folder holds ``config.py``, ``output.log``, MMEngine's files in ``run``, and, once all is
    done, ``results.json``.

    Args:
        cfg (Config): What to train.
        seed (int): Of everything random.
        folder (Path): Where; made by :meth:`execute`.
        known (dict | None): Its metrics, if it was done elsewhere.
    """

    def __init__(
        self, cfg: Config, seed: int, folder: Path, known: dict[str, float] | None = None
    ) -> None:
        self.cfg, self.seed, self.folder, self.known = cfg, seed, folder, known
        self.process: subprocess.Popen | None = None

    def results(self) -> dict[str, float] | None:
        """Return the metrics, or None if the run is not done."""
        path = self.folder / "results.json"
        return json.loads(path.read_text()) if path.exists() else self.known

    def check(self) -> None:
        """Raise ``ValueError`` if the folder holds a checkpoint or results of another config."""
        path = self.folder / "config.py"
        begun = [*self.folder.glob("run/*.pth"), *self.folder.glob("results.json")]
        if not begun:
            return
        if not path.exists():
            raise ValueError(
                f"{begun[0]} has to have the config of its run beside it, but {path} is not there; "
                "use another --work-dir, or remove the folder"
            )
        old, new = path.read_text().splitlines(), self.cfg.pretty_text.splitlines()
        if old != new:
            only = next(line for line in difflib.ndiff(old, new) if line[0] in "-+")
            raise ValueError(
                f"{path} has to be the config of this run, but differs from it, first in "
                f"'{only}'; use another --work-dir, or remove the folder"
            )

    def execute(self, threads: int) -> None:
        """Train, from the last checkpoint on if there is one, and test.

        Raises:
            RuntimeError: A tool fails, or another process has the folder.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        config, work_dir = self.folder / "config.py", self.folder / "run"
        with (
            (self.folder / "lock").open("w") as lock,
            (self.folder / "output.log").open("a") as log,
        ):
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise RuntimeError("another process is at it") from error
            self.cfg.dump(config)

            def call(tool: str, *args: object) -> None:
                self.process = subprocess.Popen(
                    [sys.executable, "-W", "ignore", str(TOOLS / tool), *map(str, args)],
                    stdout=log,
                    stderr=log,
                    env={**os.environ, "OMP_NUM_THREADS": str(threads)},
                    pass_fds=[lock.fileno()],  # it holds the lock even if this process is killed
                )
                if self.process.wait():
                    lines = (self.folder / "output.log").read_text(errors="replace").splitlines()
                    last = next((line for line in reversed(lines) if line.strip()), "")
                    raise RuntimeError(f"{tool} failed: {last} ({self.folder / 'output.log'})")

            options = ["--work-dir", work_dir]
            call("train.py", config, *options, "--seed", self.seed, "--resume", "--no-validate")
            checkpoint = (work_dir / "last_checkpoint").read_text().strip()
            results = self.folder / "results.json"
            with whole_file(results, self.folder / "results.part.json") as part:
                call("test.py", config, checkpoint, *options, "--out", part)


class Batch:
    """Runs to do, so many at a time; what fails stops no other.

    A Ctrl-C or SIGTERM ends the processes; they can be resumed.
    """

    def __init__(self, runs: Sequence[Run], jobs: int) -> None:
        self.runs = [run for run in runs if run.results() is None]
        self.jobs = jobs
        self.failed: list[Run] = []
        self.stopped = False
        self._done = 0
        self._lock = threading.Lock()

    def execute(self) -> None:
        """Do all runs; one line each, with the time that is left."""
        columns = (
            TextColumn("Runs"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[left]}"),
        )
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        start = time.monotonic()
        threads = max(1, torch.get_num_threads() // self.jobs)
        with Progress(*columns) as bar, ThreadPoolExecutor(self.jobs) as pool:
            task = bar.add_task("", total=len(self.runs), left="")

            def one(run: Run) -> None:
                if self.stopped:
                    return
                try:
                    run.execute(threads)
                    found = run.results() or {}
                    said = ", ".join(f"{k} {v:.1f}" for k, v in [*found.items()][:3])
                except Exception as error:
                    if self.stopped:
                        return
                    self.failed.append(run)
                    said = f"failed: {error}"
                with self._lock:
                    self._done += 1
                    left = (time.monotonic() - start) / self._done * (len(self.runs) - self._done)
                    told = f"{left / 60:.0f} min left"
                    bar.console.print(
                        f"{run.folder}: {said} ({told})", highlight=False, soft_wrap=True
                    )
                    bar.update(task, advance=1, left=told)

            try:
                list(pool.map(one, self.runs))
            except KeyboardInterrupt:
                self.stopped = True
                for run in self.runs:
                    if run.process is not None:
                        run.process.terminate()
