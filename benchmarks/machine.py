"""The machine that a benchmark runs on, and the memory of its process (Linux)."""

import os
from pathlib import Path

import torch


def describe_machine(**more: object) -> dict[str, object]:
    """What figures depend on, to stand beside them in their file."""
    return {
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        **more,
    }


def restart_peak() -> int:
    """Let the peak of memory start anew; returns what is resident now, in KiB."""
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def peak() -> int:
    """Peak of resident memory since :func:`restart_peak`, in KiB."""
    return _status("VmHWM")


def _status(key: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(key)).split()[1])
