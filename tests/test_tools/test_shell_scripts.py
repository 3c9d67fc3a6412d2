"""What the launch scripts start, told by stubs of python and srun."""

import os
import subprocess

import pytest
from small_run import ROOT

TOOLS = ROOT / "tools"


@pytest.fixture
def call(tmp_path):
    """Run a script with stubs that print their arguments, one a line."""
    for name in ("python", "srun"):
        stub = tmp_path / name
        stub.write_text('#!/bin/sh\nprintf "%s\\n" "$(basename "$0")" "$@"\n')
        stub.chmod(0o755)

    def run(script, *args, **env):
        path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
        clean = {k: v for k, v in os.environ.items() if k != "PYTHON"}
        return subprocess.run(
            ["bash", str(TOOLS / script), *args],
            capture_output=True, text=True, env={**clean, "PATH": path, **env},
        )  # fmt: skip

    return run


def test_dist_train_starts_torchrun_and_keeps_arguments_whole(call):
    lines = call("dist_train.sh", "c.py", "2", "--cfg-options", "a=b c").stdout.splitlines()
    assert lines[:3] == ["python", "-m", "torch.distributed.run"]
    assert "--nproc_per_node=2" in lines
    assert lines[-5:] == ["c.py", "--launcher", "pytorch", "--cfg-options", "a=b c"]


def test_dist_scripts_take_nodes_from_the_environment(call):
    env = dict(NNODES="3", NODE_RANK="1", MASTER_ADDR="node0", MASTER_PORT="1234")
    for script, args in (("dist_train.sh", ["c.py", "8"]), ("dist_test.sh", ["c.py", "w", "8"])):
        lines = call(script, *args, **env).stdout.splitlines()
        for option in ("nnodes=3", "node_rank=1", "master_addr=node0", "master_port=1234"):
            assert f"--{option}" in lines


def test_slurm_train_asks_for_what_the_environment_says(call):
    lines = call(
        "slurm_train.sh", "part", "job", "c.py", "work dir", "--resume",
        GPUS="16", GPUS_PER_NODE="4", SRUN_ARGS="--mem 8G",
    ).stdout.splitlines()  # fmt: skip
    assert lines[0] == "srun"
    for option in ("--ntasks=16", "--gres=gpu:4", "--ntasks-per-node=4", "--mem", "8G"):
        assert option in lines
    assert lines[-5:] == ["--work-dir", "work dir", "--launcher", "slurm", "--resume"]


def test_slurm_test_takes_a_checkpoint(call):
    lines = call("slurm_test.sh", "part", "job", "c.py", "w.pth").stdout.splitlines()
    assert lines[-4:] == ["c.py", "w.pth", "--launcher", "slurm"]
    assert "--ntasks=1" in lines


@pytest.mark.parametrize("script", ["dist_train", "dist_test", "slurm_train", "slurm_test"])
def test_too_few_arguments_print_the_usage(call, script):
    done = call(f"{script}.sh", "c.py")
    assert done.returncode == 2
    assert "usage: bash tools/" in done.stderr
