"""A rank that dies ends the others, and its end is shown."""

import os
import signal
import subprocess
import time

from small_run import ENV, ROOT, SMALL, SYNTHETIC, command

from mmvareid.datasets import make_synthetic


def test_a_killed_rank_ends_the_run(tmp_path):
    make_synthetic(
        tmp_path / "set", num_ids=8, images_per_id=12, num_distractors=0, num_junk=0, seed=0
    )
    options = [*SMALL, f"data_root={tmp_path / 'set'}", "num_classes=4",
               "train_cfg.max_epochs=1000"]  # fmt: skip
    arguments = [SYNTHETIC, 2, "--work-dir", tmp_path / "run", "--no-validate"]
    log = tmp_path / "log"
    with log.open("w") as file:
        launcher = subprocess.Popen(
            command("dist_train.sh", *arguments, options=options),
            cwd=ROOT, env={**ENV, "MASTER_PORT": "29533"}, stdout=file, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
    try:
        end = time.monotonic() + 120
        while not (tmp_path / "run/epoch_1.pth").exists() and time.monotonic() < end:
            time.sleep(0.1)
        found = subprocess.check_output(["pgrep", "-P", str(launcher.pid)], text=True)
        ranks = [int(line) for line in found.split()]
        assert len(ranks) == 2
        os.kill(max(ranks), signal.SIGKILL)
        assert launcher.wait(timeout=60) != 0
    finally:
        if launcher.poll() is None:
            os.killpg(launcher.pid, signal.SIGKILL)
    said = log.read_text()
    assert "Signal 9 (SIGKILL)" in said and "exitcode  : -9" in said, said[-3000:]
    assert os.path.exists(tmp_path / "run/epoch_1.pth")
