import os
import subprocess
import sys

import pytest
import torch
from mmengine.config import Config
from small_run import error_of

from mmvareid.engine import processes
from mmvareid.engine.processes import find_launcher, prepare_cpu_distributed

# Page faults of five rounds that each fill and free 128 MiB, once the heap has grown.
ROUNDS = """
import resource, sys, torch
from mmvareid.engine.processes import keep_freed_memory
if sys.argv[1] == "kept":
    keep_freed_memory()
def work():
    blocks = [torch.ones(2**24) for _ in range(2)]
for _ in range(5):
    work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    work()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(how):
    command = [sys.executable, "-W", "ignore", "-c", ROUNDS, how]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="of glibc")
def test_freed_memory_is_used_again_without_asking_the_system():
    assert page_faults("kept") < page_faults("given back") / 10


@pytest.fixture
def clean(monkeypatch):
    """An environment that no launcher has touched, without a GPU."""
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT", "SLURM_PROCID",
                 "SLURM_NTASKS", "SLURM_LOCALID", "SLURM_NODELIST", "SLURM_JOB_NODELIST",
                 "SLURM_NNODES", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"):  # fmt: skip
        monkeypatch.setenv(name, "")  # so that what a test sets goes again
        monkeypatch.delenv(name)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    return monkeypatch


def test_torchrun_is_seen(clean):
    cfg = Config({})
    assert find_launcher(cfg) == "none"
    clean.setenv("RANK", "1")
    with pytest.raises(ValueError, match="WORLD_SIZE has to be .* beside RANK=1, but is not"):
        find_launcher(cfg)
    clean.setenv("WORLD_SIZE", "2")
    assert find_launcher(cfg) == "pytorch"
    assert find_launcher(Config({"launcher": "none"})) == "pytorch"  # of a config that a run left
    assert find_launcher(Config({"launcher": "slurm"})) == "slurm"
    assert find_launcher(cfg, "none") == "none"
    clean.setenv("WORLD_SIZE", "1")
    assert find_launcher(cfg) == "none"


@pytest.mark.parametrize(
    ("launcher", "rank", "size"),
    [
        ("slurm", "SLURM_PROCID", "SLURM_NTASKS"),
        ("mpi", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    ],
)
def test_one_run_or_many_has_to_be_said(clean, launcher, rank, size):
    clean.setenv(rank, "0")
    clean.setenv(size, "4")
    with pytest.raises(ValueError, match=f"one of 4 processes; add --launcher {launcher} for one"):
        find_launcher(Config({}))
    assert find_launcher(Config({}), launcher) == launcher
    clean.setenv(size, "1")  # as in a job of one task
    assert find_launcher(Config({})) == "none"


@pytest.mark.parametrize("tool", ["train.py", "test.py"])
def test_tools_take_torchruns_variables_and_ask_about_slurms(clean, tool, tmp_path):
    config = "configs/va_reid/va-reid_seresnext-small_synthetic.py"
    arguments = [config] if tool == "train.py" else [config, tmp_path / "weights.pth"]
    torch.save({"state_dict": {}}, tmp_path / "weights.pth")
    taken = []
    clean.setattr(
        processes, "prepare_cpu_distributed", lambda cfg: taken.append(cfg.launcher) or 1 / 0
    )
    clean.setenv("RANK", "0")
    clean.setenv("WORLD_SIZE", "2")
    error_of(tool, *arguments)
    assert taken == ["pytorch"]
    clean.delenv("RANK")
    clean.setenv("SLURM_PROCID", "0")
    clean.setenv("SLURM_NTASKS", "2")
    said = error_of(tool, *arguments)
    assert isinstance(said, SystemExit) and "add --launcher slurm" in str(said.code)
    clean.setenv("SLURM_PROCID", "1")
    clean.setattr(processes.time, "sleep", lambda seconds: None)
    assert error_of(tool, *arguments).code == 1  # and says nothing
    assert taken == ["pytorch"]


def test_slurm_on_cpus(clean):
    for name, value in (("PROCID", "0"), ("NTASKS", "1"), ("LOCALID", "0"), ("NODELIST", "node7"),
                        ("NNODES", "1")):  # fmt: skip
        clean.setenv(f"SLURM_{name}", value)
    clean.setenv("MASTER_PORT", "29567")
    cfg = Config({"launcher": "slurm"})
    try:
        prepare_cpu_distributed(cfg)
        assert torch.distributed.get_backend() == "gloo"
        assert (torch.distributed.get_rank(), torch.distributed.get_world_size()) == (0, 1)
        assert os.environ["MASTER_ADDR"] == "127.0.0.1" and os.environ["LOCAL_RANK"] == "0"
        assert cfg.model_wrapper_cfg.device_ids is None
    finally:
        torch.distributed.destroy_process_group()


def test_the_first_of_several_nodes_is_asked_of_slurm(clean, tmp_path):
    (tmp_path / "scontrol").write_text("#!/bin/sh\necho node3\necho node4\n")
    (tmp_path / "scontrol").chmod(0o755)
    clean.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    clean.setenv("SLURM_NODELIST", "node[3-4]")
    assert processes._first_host() == "node3"


def test_many_processes_without_gpu_and_without_a_launcher_are_told_what_to_do(clean):
    message = r"'slurm' has to find SLURM_PROCID and SLURM_NTASKS .*start the processes by srun"
    with pytest.raises(ValueError, match=message):
        prepare_cpu_distributed(Config({"launcher": "slurm"}))
    with pytest.raises(ValueError, match="'pytorch' has to find RANK .*dist_train"):
        prepare_cpu_distributed(Config({"launcher": "pytorch"}))
