import subprocess
import sys

import pytest
import torch
from mmengine.config import Config

from mmvareid.engine.processes import prepare_cpu_distributed

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


def test_many_processes_without_gpu_and_without_torchrun_are_told_what_to_do(monkeypatch):
    monkeypatch.delenv("RANK", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(RuntimeError, match=r"'slurm' finds neither a GPU nor RANK .*dist_train"):
        prepare_cpu_distributed(Config({"launcher": "slurm"}))
