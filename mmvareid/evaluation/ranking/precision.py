"""Products in full float32, and integer sums in any order, whatever the user's settings are."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


@contextmanager
def full_precision() -> Iterator[None]:
    """Leave TF32 out within; the user's setting comes back.

    TF32 keeps 10 bits of a factor, which orders a gallery otherwise. (torch 2.9 has a setting of
    another name, and raises an error where both are used.)
    """
    matmul: Any = torch.backends.cuda.matmul
    name, off = ("allow_tf32", False)
    if hasattr(matmul, "fp32_precision"):
        name, off = "fp32_precision", "ieee"  # type: ignore[assignment]
    before = getattr(matmul, name)
    setattr(matmul, name, off)
    try:
        yield
    finally:
        setattr(matmul, name, before)


@contextmanager
def sums_in_any_order() -> Iterator[None]:
    """Let integers be summed by atomic additions under deterministic algorithms too.

    Their sum is the same in any order, but PyTorch raises an error all the same.
    """
    before = torch.are_deterministic_algorithms_enabled()
    only_warn = torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(False)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=only_warn)
