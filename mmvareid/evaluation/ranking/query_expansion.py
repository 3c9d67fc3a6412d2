"""Queries averaged with what they find first."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .options import switched_options
from .similarity import Features, as_features, similarity_blocks


@torch.no_grad()
def expand_queries(
    query: Features,
    gallery: Features,
    k: int = 5,
    alpha: float = 0.0,
    memory_mb: float | None = None,
) -> Tensor:
    r"""Average query expansion (Chum et al. 2007), weighted as by Radenović et al. 2018.

    The new query is :math:`q + \sum_{i \leq k} \cos(q, g_i)^\alpha g_i` over its k nearest gallery
    images, all of unit length, and then of unit length again. The gallery images of the query's own
    person and camera take part as any other: a searcher would not know them.

    Args:
        query (Tensor | np.ndarray): ``(Q, D)``.
        gallery (Tensor | np.ndarray): ``(G, D)``; fewer than k are all taken.
        k (int): Gallery images averaged. Defaults to 5.
        alpha (float): 0 weighs them alike. Defaults to 0.
        memory_mb (float): What a block of similarities may take, in MiB.

    Returns:
        Tensor: ``(Q, D)``, on the gallery's device.

    Raises:
        ValueError: k is below 1, alpha below 0, or the features are no good.
    """
    expansion_options(dict(k=k, alpha=alpha))
    query, gallery = as_features(query, gallery)
    expanded = []
    for start, block in similarity_blocks(query, gallery, "cosine", memory_mb):
        own = F.normalize(query[start : start + len(block)].to(block), dim=1)  # (B, D)
        total = own.clone()
        for column in block.topk(min(k, block.shape[1])).indices.T:  # (B, k, D) would be large
            found = F.normalize(gallery[column].to(block), dim=1)
            total += (own * found).sum(dim=1, keepdim=True).clamp(min=0) ** alpha * found
        expanded.append(F.normalize(total, dim=1))
    return torch.cat(expanded)


def expansion_options(expand: bool | dict[str, Any]) -> dict[str, Any] | None:
    """Return the options of expansion, None where it is off; see :func:`switched_options`.

    Raises:
        ValueError: An option is unknown or out of range.
    """
    options = switched_options("expand", expand, k=5, alpha=0.0)
    if options is None:
        return None
    if not isinstance(options["k"], int) or options["k"] < 1:
        raise ValueError(f"k has to be a whole number of at least 1, but got {options['k']!r}")
    if not options["alpha"] >= 0:
        raise ValueError(f"alpha has to be at least 0, but got {options['alpha']!r}")
    return options
