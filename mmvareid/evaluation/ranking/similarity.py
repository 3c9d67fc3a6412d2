"""Similarities of queries and gallery in blocks, each pair's the same wherever it stands."""

from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from .equal_rows import equal_rows
from .precision import full_precision

Features: TypeAlias = Tensor | np.ndarray

METRICS = ("cosine", "euclidean")

# Matrix products finish the rows and columns that don't fill a kernel by other code, which rounds
# otherwise: of 15,913 equal gallery rows MKL gave the last one another similarity. So all products
# here have one shape, a multiple of this in both directions.
_MULTIPLE = 64
_TILE = 2048  # gallery rows a product; larger ones aren't faster
_CPU_MB, _DEVICE_MB = 64, 1024  # what a block takes; a CPU's is to be near its caches


def in_one_pass(device: torch.device) -> bool:
    """Whether a block is done by few operators over all of it: on all devices but CPUs.

    A CPU is faster in pieces that fit its caches. A GPU waits for Python, piece by piece.
    """
    return device.type != "cpu"


def similarity_blocks(
    query: Tensor,
    gallery: Tensor,
    metric: str = "cosine",
    memory_mb: float | None = None,
    squares: Tensor | None = None,
) -> Iterator[tuple[int, Tensor]]:
    r"""Yield the similarities of one block of queries after the other.

    They order the gallery of a query, and that's all: what is the same for the whole of a query's
    gallery is left out. With :math:`q` a query and :math:`g` a gallery feature they are
    :math:`q^T g / |g|` for 'cosine' and :math:`q^T g - |g|^2 / 2` for 'euclidean' (half the
    negative squared distance, up to :math:`|q|^2`; so, no cancellation where q is close to g).

    Args:
        query (Tensor): ``(Q, D)``.
        gallery (Tensor): ``(G, D)``. It says on which device to compute.
        metric (str): 'cosine' or 'euclidean'.
        memory_mb (float, optional): What a block may take, in MiB; but it has at least 64 rows. By
            default 64 on a CPU, and on a GPU an eighth of what is free, up to 1024; what is done
            with a block may take four times as much.
        squares (Tensor, optional): The gallery's :func:`squared_norms`, ``(G,)``, where both are
            known to be good.

    Yields:
        tuple[int, Tensor]: The first query's index and the similarities ``(B, G)``, float64 if a
        feature is, float32 otherwise. The next block overwrites them.
    """
    dtype = torch.promote_types(torch.promote_types(query.dtype, gallery.dtype), torch.float32)
    if squares is None:
        squares = squared_norms("gallery", gallery, dtype, metric)
        squared_norms("query", query, dtype, metric)
    offsets = squares.sqrt() if metric == "cosine" else squares / 2
    finish = torch.div if metric == "cosine" else torch.sub
    most = _most_rows(gallery, dtype, memory_mb)
    if in_one_pass(gallery.device):
        yield from _whole_blocks(query, gallery.to(dtype), finish, offsets, most)
    else:
        yield from _tiled_blocks(query, gallery, finish, offsets, most)


def _tiled_blocks(
    query: Tensor, gallery: Tensor, finish: Callable, offsets: Tensor, most: int
) -> Iterator[tuple[int, Tensor]]:
    """Products of one shape that stay near the caches, a tile of the gallery at a time."""
    height = _even_share(len(query), min(most, _TILE))
    width = _even_share(len(gallery), _TILE)
    dtype = offsets.dtype
    block = gallery.new_empty((height, len(gallery)), dtype=dtype)
    product = gallery.new_empty((height, width), dtype=dtype)
    # Allocated once: the allocator does not use the memory of ever new ones again.
    rows = gallery.new_empty((height, gallery.shape[1]), dtype=dtype)
    tile = gallery.new_empty((width, gallery.shape[1]), dtype=dtype)
    for start in range(0, len(query), height):
        left_factor = _padded(query[start : start + height], rows)  # (B, D)
        for left in range(0, len(gallery), width):
            columns = slice(left, min(left + width, len(gallery)))
            right_factor = _padded(gallery[columns], tile)  # (T, D)
            torch.mm(left_factor, right_factor.T, out=product)  # (B, T)
            found = product[:, : columns.stop - left]
            finish(found, offsets[columns], out=block[:, columns])
        yield start, block[: len(query) - start]


def _whole_blocks(
    query: Tensor, gallery: Tensor, finish: Callable, offsets: Tensor, most: int
) -> Iterator[tuple[int, Tensor]]:
    """Products with the whole gallery, as many operators for many queries as for few."""
    height = _even_share(len(query), most)
    block = gallery.new_empty((height, len(gallery)))
    rows = gallery.new_empty((height, gallery.shape[1]))
    # A library may sum the products of some tiles in parts, and so round equal rows apart.
    copies, originals = equal_rows(gallery)
    for start in range(0, len(query), height):
        left_factor = _padded(query[start : start + height], rows)  # (B, D)
        with full_precision(), torch.autocast(gallery.device.type, enabled=False):
            torch.mm(left_factor, gallery.T, out=block)  # (B, G)
        finish(block, offsets, out=block)
        if len(copies):
            block.index_copy_(1, copies, block.index_select(1, originals))
        yield start, block[: len(query) - start]


def as_features(query: Features, gallery: Features) -> tuple[Tensor, Tensor]:
    """Return both as tensors ``(N, D)``; a ValueError if they are none, or don't fit each other."""
    tensors = []
    for name, values in (("query", query), ("gallery", gallery)):
        if not isinstance(values, (Tensor, np.ndarray)):
            raise ValueError(
                f"{name} has to be a tensor or an array, but got {type(values).__name__}"
            )
        if isinstance(values, np.ndarray) and values.dtype.kind == "f":
            values = np.ascontiguousarray(values, values.dtype.newbyteorder("="))
        # Row by row in memory: sums over strided rows round otherwise, and equal ones would differ.
        tensors.append(torch.as_tensor(values).contiguous())
        shape, dtype = tuple(tensors[-1].shape), tensors[-1].dtype
        if len(shape) != 2 or 0 in shape:
            raise ValueError(
                f"{name} has to be of shape (N, D), neither of them 0, but got {shape}"
            )
        if not dtype.is_floating_point:
            raise ValueError(f"{name} has to be of a floating type, but got {dtype}")
    first, second = tensors
    if first.shape[1] != second.shape[1]:
        raise ValueError(
            "query and gallery features have to have the same length, but got "
            f"{first.shape[1]} and {second.shape[1]}"
        )
    return first, second


def squared_norms(
    name: str, features: Tensor, dtype: torch.dtype, metric: str = "euclidean"
) -> Tensor:
    """Squared length of each row, ``(N, D)`` → ``(N,)``.

    Raises:
        ValueError: One isn't finite, or is 0 and ``metric`` 'cosine'.
    """
    squares = features.new_empty(len(features), dtype=dtype)
    together = 8 * _TILE if in_one_pass(features.device) else _TILE // 2
    buffer = features.new_empty((min(together, len(features)), features.shape[1]), dtype=dtype)
    for start in range(0, len(features), len(buffer)):
        part = features[start : start + len(buffer)]
        torch.sum(
            buffer[: len(part)].copy_(part).square_(), dim=1, out=squares[start : start + len(part)]
        )
    bad = (~squares.isfinite()).nonzero()
    if len(bad):
        raise ValueError(
            f"{name} features have to be finite, but got NaN, infinity or a number too large to "
            f"square in {len(bad)} of {len(features)} rows, the first at index {bad[0].item()}"
        )
    if metric == "cosine" and not squares.all():
        zeros = (squares == 0).nonzero()
        raise ValueError(
            f"{name} features have to be longer than 0 for metric 'cosine', but got "
            f"{len(zeros)} zero rows of {len(squares)}, the first at index {zeros[0].item()}"
        )
    return squares


def _most_rows(gallery: Tensor, dtype: torch.dtype, memory_mb: float | None) -> int:
    """Rows that a block of similarities to the gallery may have, a multiple of 64."""
    if memory_mb is None:
        memory_mb = default_memory_mb(gallery.device)
    if not 0 <= memory_mb < float("inf"):
        raise ValueError(f"memory_mb has to be 0 or more and finite, but got {memory_mb}")
    rows = int(memory_mb * 2**20) // (len(gallery) * dtype.itemsize)
    return max(_MULTIPLE, rows // _MULTIPLE * _MULTIPLE)


def default_memory_mb(device: torch.device) -> float:
    """Return what a block may take on a device, in MiB, see :func:`similarity_blocks`."""
    if device.type == "cuda":
        free = torch.cuda.mem_get_info(device)[0]
        # PyTorch keeps what tensors have left, and gives it to the next.
        free += torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return min(_DEVICE_MB, free / 8 / 2**20)
    return _DEVICE_MB if in_one_pass(device) else _CPU_MB


def _even_share(total: int, most: int) -> int:
    share = -(-total // -(-total // most))
    return -(-share // _MULTIPLE) * _MULTIPLE


def _padded(rows: Tensor, buffer: Tensor) -> Tensor:
    """Return rows, with rows of zeros added, as the buffer's type, shape and device."""
    if len(rows) == len(buffer) and rows.dtype == buffer.dtype and rows.device == buffer.device:
        return rows
    buffer[: len(rows)] = rows
    buffer[len(rows) :] = 0
    return buffer
