"""What is set of a process before it trains: its place among many, and freed memory."""

import atexit
import ctypes
import os
import subprocess
import sys
import time
from typing import NoReturn

import torch
import torch.distributed as dist
from mmengine.config import Config

# Of glibc's malloc.h: from which size a block is mapped by itself, and given back when it is freed;
# and how much may lie free at the heap's end before it is given back.
_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1
# Launcher -> the variables that hold a process's rank, and the number of processes.
_VARIABLES = {
    "pytorch": ("RANK", "WORLD_SIZE"),
    "slurm": ("SLURM_PROCID", "SLURM_NTASKS"),
    "mpi": ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
}


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


def find_launcher(cfg: Config, given: str | None = None) -> str:
    """Return the launcher of this process: the one given, or 'pytorch' where torchrun started it.

    Args:
        cfg (Config): Its ``launcher`` counts too, but for 'none', which any finished run has noted.
        given (str | None): ``--launcher``; 'none' runs each process by itself.

    Raises:
        ValueError: Slurm or MPI started several processes, which may be one run or many; or the
            environment has a rank and no number of processes.
    """
    if not given and cfg.get("launcher") != "none":
        given = cfg.get("launcher")
    if given:
        return given
    for launcher, (rank, size) in _VARIABLES.items():
        if rank not in os.environ:
            continue
        if size not in os.environ:
            raise ValueError(
                f"{size} has to be in the environment beside {rank}={os.environ[rank]}, but is "
                "not; start by torchrun, or add --launcher none to run by itself"
            )
        if os.environ[size] == "1":
            continue
        if launcher == "pytorch":  # torchrun starts one run, and nothing else
            return launcher
        raise ValueError(
            f"the environment says by {size} that this is one of {os.environ[size]} processes; add "
            f"--launcher {launcher} for one run of all, or --launcher none for a run of each"
        )
    return "none"


def exit_as_one(message: str) -> NoReturn:
    """End this process with a message, or without where another one of the run says it."""
    ranks = [os.environ[rank] for rank, _ in _VARIABLES.values() if rank in os.environ]
    if not ranks or ranks[0] == "0":
        sys.exit(message)
    time.sleep(3)  # the launcher ends all when one has ended
    sys.exit(1)


def prepare_cpu_distributed(cfg: Config) -> None:
    """Start gloo and wrap the model without a device, if processes are many and GPUs none.

    MMEngine sets a CUDA device for every launched process, and hands its number to DDP.

    Raises:
        ValueError: The launcher's variables are not in the environment.
    """
    launcher = cfg.get("launcher", "none")
    if launcher == "none" or torch.cuda.is_available():
        return
    if not dist.is_initialized():
        _tell_torch(launcher)
        dist.init_process_group("gloo")
        atexit.register(_leave)
    if cfg.get("runner_type", "Runner") != "Runner":
        return  # whose strategy wraps
    cfg.setdefault(
        "model_wrapper_cfg",
        dict(
            type="MMDistributedDataParallel",
            device_ids=None,
            broadcast_buffers=False,
            find_unused_parameters=cfg.get("find_unused_parameters", False),
        ),
    )


def _leave() -> None:
    """End gloo's threads before Python ends, which aborts now and then beside them."""
    if dist.is_initialized():
        dist.destroy_process_group()


def _tell_torch(launcher: str) -> None:
    """Put what Slurm or MPI say of this process into the variables that PyTorch reads."""
    rank, size = _VARIABLES[launcher]
    if rank not in os.environ or size not in os.environ:
        how = "tools/dist_train.sh (torchrun)" if launcher == "pytorch" else "srun or mpirun"
        raise ValueError(
            f"launcher {launcher!r} has to find {rank} and {size} in the environment, but does "
            f"not; start the processes by {how}, or leave the launcher out for one"
        )
    os.environ["RANK"], os.environ["WORLD_SIZE"] = os.environ[rank], os.environ[size]
    local = "SLURM_LOCALID" if launcher == "slurm" else "OMPI_COMM_WORLD_LOCAL_RANK"
    os.environ.setdefault("LOCAL_RANK", os.environ.get(local, "0"))
    os.environ.setdefault("MASTER_PORT", "29500")
    if "MASTER_ADDR" not in os.environ:
        os.environ["MASTER_ADDR"] = _first_host()


def _first_host() -> str:
    """Return the host of rank 0: this one, unless Slurm names several."""
    nodes = os.environ.get("SLURM_JOB_NODELIST", os.environ.get("SLURM_NODELIST", ""))
    if not nodes or os.environ.get("SLURM_NNODES", "2") == "1":
        return "127.0.0.1"
    command = ["scontrol", "show", "hostnames", nodes]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[0]
