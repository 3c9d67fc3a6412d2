"""benchmarks/gpu.py is ready to be run: here with tiny sizes, on what there is."""

import json
import subprocess
import sys

from small_run import ENV, ROOT


def test_smoke(tmp_path):
    out = tmp_path / "gpu.json"
    command = [sys.executable, "-W", "ignore", "benchmarks/gpu.py", "--smoke", "--out", str(out)]
    env = {**ENV, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    found = json.loads(out.read_text())
    kinds = ("machine", "step", "rank", "rerank", "Runner", "extraction")
    assert all(any(name.startswith(kind) for name in found) for kind in kinds)
    assert found["rank smoke"]["ap_from_cpu"] < 1e-6
