"""What is set of a process before it trains: many of them without a GPU, and freed memory."""

import ctypes
import os
import sys

import torch
import torch.distributed as dist
from mmengine.config import Config

# Of glibc's malloc.h: from which size a block is mapped by itself, and given back when it is freed;
# and how much may lie free at the heap's end before it is given back.
_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1


def keep_freed_memory() -> None:
    """Have glibc keep freed memory, rather than give its pages back and ask for them again.

    MMEngine frees the gradients after each step; on a CPU the system then maps and clears the same
    pages step after step. The process stays as large as it once was. Set before the run's first
    large block; without glibc, nothing is done.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt:
        mallopt(_MMAP_THRESHOLD, 2**30)
        mallopt(_TRIM_THRESHOLD, 2**31 - 1)


def prepare_cpu_distributed(cfg: Config) -> None:
    """Start gloo and wrap the model without a device, if processes are many and GPUs none.

    MMEngine sets a CUDA device for every launched process, and hands its number to DDP.
    """
    if cfg.get("launcher", "none") == "none" or torch.cuda.is_available():
        return
    if "RANK" not in os.environ:
        raise RuntimeError(
            f"launcher={cfg.launcher!r} finds neither a GPU nor RANK in the environment; to train "
            "on CPUs with many processes start them by tools/dist_train.sh (torchrun)"
        )
    if not dist.is_initialized():
        dist.init_process_group("gloo")
    cfg.setdefault(
        "model_wrapper_cfg",
        dict(
            type="MMDistributedDataParallel",
            device_ids=None,
            broadcast_buffers=False,
            find_unused_parameters=cfg.get("find_unused_parameters", False),
        ),
    )
