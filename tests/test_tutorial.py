"""The blocks of docs/other-models.md run, one after the other, as a reader runs them."""

import os
import re
import subprocess
import sys
from pathlib import Path

from small_run import ENV, ROOT

PAGE = ROOT / "docs/other-models.md"


def run_block(kind, text, folder):
    """Run a block in a folder, or write it to the file that its first line names."""
    if named := re.match(r"# file: (\S+)\n", text):
        (folder / named[1]).write_text(text)
        return
    command = {"bash": ["bash", "-e"], "python": [sys.executable]}[kind]
    path = os.pathsep.join([str(Path(sys.executable).parent), ENV["PATH"]])
    env = {**ENV, "PATH": path, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [*command, "-c", text], cwd=folder, env=env, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, text + done.stdout[-3000:] + done.stderr[-3000:]


def test_every_block_of_other_models_runs(tmp_path):
    for name in ("configs", "mmvareid", "projects", "tools"):
        (tmp_path / name).symlink_to(ROOT / name)
    blocks = re.findall(r"^```(\w+)\n(.*?)^```", PAGE.read_text(), flags=re.DOTALL | re.MULTILINE)
    assert len(blocks) == 7
    for kind, text in blocks:
        run_block(kind, text, tmp_path)
    assert (tmp_path / "work_dirs/people_swin/epoch_2.pth").is_file()
    (log,) = (tmp_path / "work_dirs/people_swin_pretrained").glob("*/*.log")
    assert "stand_in.pth" in log.read_text()
    assert (tmp_path / "work_dirs/circle_seresnext-small_synthetic").is_dir()
