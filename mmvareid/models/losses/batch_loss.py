"""What the losses of a batch have in common: a weight, and how samples become one number."""

import torch
from torch import Tensor, nn

REDUCTIONS = ("none", "mean", "sum")


class BatchLoss(nn.Module):
    """Base of losses that have a value for each sample, with the arguments of mmpretrain's losses.

    Args:
        loss_weight (float): Factor of the loss. Defaults to 1.0.
        reduction (str): ``'mean'`` over the samples that count, ``'sum'``, or ``'none'`` for a
            value of each sample, (B,), which is 0 where it does not count. Defaults to ``'mean'``.

    Raises:
        ValueError: The reduction is another.
    """

    def __init__(self, loss_weight: float = 1.0, reduction: str = "mean") -> None:
        super().__init__()
        _check_reduction(reduction)
        self.loss_weight, self.reduction = loss_weight, reduction

    def reduce(
        self,
        loss: Tensor,
        counted: Tensor | None = None,
        weight: Tensor | None = None,
        avg_factor: float | Tensor | None = None,
        reduction_override: str | None = None,
    ) -> Tensor:
        """Return the weighted loss of losses (B,); 0 with a live graph if no sample counts.

        Args:
            loss (Tensor): Of each sample, (B,).
            counted (Tensor | None): Which samples count, (B,) bool; None counts all.
            weight (Tensor | None): Of each sample, (B,).
            avg_factor (float | Tensor | None): What the sum is divided by, for ``'mean'``, instead
                of the number of samples that count. 0 is taken as 1: nothing was counted.
            reduction_override (str | None): Instead of ``reduction``.

        Raises:
            ValueError: ``avg_factor`` with ``'sum'``, as in mmpretrain.
        """
        reduction = reduction_override or self.reduction
        _check_reduction(reduction)
        if avg_factor is not None and reduction == "sum":
            raise ValueError("avg_factor has to be None with reduction='sum', but both are given")
        if weight is not None:
            loss = loss * weight
        if counted is not None:
            loss = loss * counted
        if reduction == "none":
            return self.loss_weight * loss
        if reduction == "mean":
            if avg_factor is None:
                avg_factor = max(len(loss), 1) if counted is None else counted.sum().clamp(min=1)
            if isinstance(avg_factor, Tensor):  # on a GPU, which is not to be waited for
                divisor: Tensor | float = avg_factor.masked_fill(avg_factor == 0, 1)
            else:
                divisor = avg_factor or 1
            return self.loss_weight * loss.sum() / divisor
        return self.loss_weight * loss.sum()


def full_precision(logits: Tensor) -> Tensor:
    """Return logits as float32 if they have 16 bits, in which their exponentials overflow."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def _check_reduction(reduction: str) -> None:
    if reduction not in REDUCTIONS:
        raise ValueError(f"reduction has to be one of {REDUCTIONS}, but got {reduction!r}")
