"""Keeps the memory that a training step frees, for the next step."""

import ctypes
import sys

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
