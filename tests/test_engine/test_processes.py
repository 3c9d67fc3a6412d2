import subprocess
import sys

import pytest

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
