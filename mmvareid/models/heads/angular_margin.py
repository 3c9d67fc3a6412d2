"""Angular margins on the cosine of the target class."""

import math

import torch
from torch import Tensor

MARGIN_TYPES = ("arc", "cos")


def arc_margin(cosine: Tensor, margin: float | Tensor) -> Tensor:
    r"""Return :math:`\cos(\theta + m)` for cosines of any shape (ArcFace, Deng et al. 2019).

    The margin is one for all, or a tensor of that shape.

    Past :math:`\theta + m > \pi` it goes on as :math:`\cos\theta - m \sin m`, so it stays
    monotone in the cosine. The sine is clamped before the root, whose gradient is infinite at
    0, and float32 products of unit vectors exceed 1.
    """
    sine = (1 - cosine.square()).clamp(min=1e-7).sqrt()
    cos_m = margin.cos() if isinstance(margin, Tensor) else math.cos(margin)
    sin_m = margin.sin() if isinstance(margin, Tensor) else math.sin(margin)
    turned = cosine * cos_m - sine * sin_m
    return torch.where(cosine > -cos_m, turned, cosine - margin * sin_m)


def margin_logits(
    cosine: Tensor, targets: Tensor, scale: float, margin: float | Tensor, margin_type: str
) -> Tensor:
    r"""Return scaled logits whose target class is made harder by a margin; Eq. 3 of VA-reID.

    The paper prints :math:`\cos(\theta - m)`, which would make the target easier; it is read as
    the :math:`\cos(\theta + m)` of ArcFace, which it cites.

    Args:
        cosine (Tensor): Cosines between samples and centres, (B, C).
        targets (Tensor): Target centres of each sample, (B,) or (B, T), or -1 for no target.
        scale (float): s.
        margin (float | Tensor): m, in radians for ``'arc'``, in cosine for ``'cos'``; or one for
            each target, (B, T).
        margin_type (str): ``'arc'`` (:math:`\cos(\theta + m)`) or ``'cos'``
            (:math:`\cos\theta - m`).

    Returns:
        Tensor: Logits (B, C).
    """
    targets = targets if targets.ndim == 2 else targets[:, None]  # (B, T)
    index = targets.clamp(min=0)
    target = cosine.gather(1, index)
    harder = arc_margin(target, margin) if margin_type == "arc" else target - margin
    harder = torch.where(targets >= 0, harder, target)
    return cosine.scatter(1, index, harder).mul_(scale)
