"""The few numbers of a softmax that smoothed losses need."""

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


class _LogProbTerms(torch.autograd.Function):
    @staticmethod
    def forward(ctx, logits: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[no-untyped-def]
        lse = logits.logsumexp(dim=1, keepdim=True)  # (B, 1)
        ctx.save_for_backward(logits, index, lse)
        total = logits.sum(dim=1) - logits.shape[1] * lse.squeeze(1)
        return logits.gather(1, index) - lse, total

    @staticmethod
    @once_differentiable
    def backward(ctx, at_index: Tensor, at_total: Tensor) -> tuple[Tensor, None]:  # type: ignore[no-untyped-def]
        logits, index, lse = ctx.saved_tensors
        weight = at_index.sum(dim=1) + logits.shape[1] * at_total  # (B,)
        grad = (logits - lse).exp_().mul_(-weight[:, None]).add_(at_total[:, None])
        return grad.scatter_add_(1, index, at_index), None


def log_prob_terms(logits: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
    """Log-probabilities at some classes, and the sum of all.

    That is what a smoothed cross entropy is made of. Neither the log-probabilities (B, C) nor
    targets (B, C) are built, so that a step needs the logits and one gradient of their size.

    Args:
        logits (Tensor): (B, C).
        index (Tensor): T classes of each sample, (B, T), int64.

    Returns:
        tuple[Tensor, Tensor]: (B, T) and (B,).
    """
    return _LogProbTerms.apply(logits, index)
