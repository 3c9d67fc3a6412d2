"""SOLIDER's semantic weight, folded into a plain Swin.

Behind each stage SOLIDER scales and shifts the channels, :math:`x \\cdot a + b`, by what it learnt
for a semantic weight: 1 for meaning alone, 0 for appearance alone. For a fixed weight, a and b are
constants of the network, and patch merging, which is linear behind its norm, can hold them. Left
out, every later stage would see channels that it never learnt from.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

SEMANTIC_WEIGHT = 0.2  # of SOLIDER-REID's run.sh, for Market-1501 and MSMT17


def fold_semantics(
    weights: dict[str, Tensor], semantic_weight: float = SEMANTIC_WEIGHT
) -> tuple[dict[str, Tensor], list[str]]:
    r"""Fold scales and shifts into patch merging, :math:`W(\gamma \odot n + \beta)`.

    W takes the scale, :math:`W' = aW`. It has no bias, but twice as many columns as rows, so there
    is a :math:`\beta'` with :math:`W'\beta' = aW\beta + b`; it is the one next to :math:`\beta`.

    Args:
        weights (dict[str, Tensor]): The backbone's tensors, with ``semantic_embed_w`` and ``_b``,
            or without, where nothing is folded.
        semantic_weight (float): From 0 to 1.

    Returns:
        tuple: The tensors that differ now, and the names of those that are in them.

    Raises:
        ValueError: A shift cannot be had from W.
    """
    changed: dict[str, Tensor] = {}
    folded: list[str] = []
    share = torch.tensor([semantic_weight, 1 - semantic_weight], dtype=torch.float64)
    for stage in range(3):
        names = [f"semantic_embed_{k}.{stage}.{t}" for k in "wb" for t in ("weight", "bias")]
        if not any(name in weights for name in names):
            continue
        reduction, beta = (
            f"stages.{stage}.downsample.{n}" for n in ("reduction.weight", "norm.bias")
        )
        scale_w, scale_b, shift_w, shift_b = (weights[name].double() for name in names)
        scale = F.softplus(scale_w @ share + scale_b)  # (2C,)
        shift = shift_w @ share + shift_b  # (2C,)
        w = weights[reduction].double()  # (2C, 4C)
        step = torch.linalg.pinv(w) @ (shift / scale)  # (4C,)
        if not torch.allclose(w @ step * scale, shift, rtol=1e-4, atol=1e-6):
            raise ValueError(
                f"{reduction} has to have full rank for semantic_embed_b.{stage} to be folded into "
                "it, but it has not; choose weights that were trained"
            )
        changed[reduction] = (scale[:, None] * w).to(weights[reduction])
        changed[beta] = (weights[beta].double() + step).to(weights[beta])
        folded += names
    return changed, folded
