"""Cosines against many centres, without unit copies of the centres.

Autograd on ``F.normalize`` keeps the unit centres and makes several gradients of their size; with
100,000 identities and 3 views each of them is 600 MB.
"""

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

EPS = 1e-12


class _Cosines(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, centers: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
        inverse = 1 / torch.linalg.vector_norm(centers, dim=1).clamp(min=EPS)  # (C,)
        ctx.save_for_backward(x, centers, inverse)
        return (x @ centers.T).mul_(inverse)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[no-untyped-def]
        x, centers, inverse = ctx.saved_tensors
        scaled = grad * inverse
        of_centers = scaled.T @ x
        # What points along a centre does not turn it.
        along = torch.einsum("cd,cd->c", of_centers, centers) * inverse.square()
        of_centers.addcmul_(centers, along[:, None], value=-1)
        return scaled @ centers, of_centers


class _PairCosines(torch.autograd.Function):
    @staticmethod
    def forward(ctx, w: Tensor, u: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
        inverse_w = 1 / torch.linalg.vector_norm(w, dim=1).clamp(min=EPS)  # (K,)
        inverse_u = 1 / torch.linalg.vector_norm(u, dim=2).clamp(min=EPS)  # (K, V)
        both = inverse_w[:, None] * inverse_u
        cosine = torch.einsum("kd,kvd->kv", w, u) * both
        ctx.save_for_backward(w, u, inverse_w, inverse_u, cosine)
        return cosine

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[no-untyped-def]
        w, u, inverse_w, inverse_u, cosine = ctx.saved_tensors
        scaled = grad * inverse_w[:, None] * inverse_u  # (K, V)
        along = grad * cosine
        of_u = scaled[:, :, None] * w[:, None]
        of_u.addcmul_(u, (along * inverse_u.square())[:, :, None], value=-1)
        of_w = torch.einsum("kv,kvd->kd", scaled, u)
        of_w.addcmul_(w, (along.sum(dim=1) * inverse_w.square())[:, None], value=-1)
        return of_w, of_u


def cosines(x: Tensor, centers: Tensor) -> Tensor:
    """Return the cosines (B, C) of unit vectors x (B, D) and centres (C, D) of any length."""
    return _Cosines.apply(x, centers)


def pair_cosines(w: Tensor, u: Tensor) -> Tensor:
    """Return the cosine (K, V) of each w (K, D) with its own V vectors u (K, V, D)."""
    return _PairCosines.apply(w, u)
