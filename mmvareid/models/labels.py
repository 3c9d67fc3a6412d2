"""Identity and viewpoint labels, checked and in the one form that the losses work on."""

import torch
from torch import Tensor


def check_label_range(labels: Tensor, num_classes: int, what: str, lowest: int = 0) -> Tensor:
    """Return labels (B,) of any integer type as int64, or raise ``ValueError``.

    They have to be whole numbers in ``[lowest, num_classes)``. The range is checked on the CPU
    alone, and not by compiled code: on a GPU every step would wait for the answer. There
    ``mmvareid.DataCheckHook`` has looked at the whole dataset before training started.
    """
    if labels.ndim != 1 or labels.is_floating_point() or labels.dtype == torch.bool:
        raise ValueError(
            f"{what} have to be whole numbers of shape (B,), but got {labels.dtype} of shape "
            f"{tuple(labels.shape)}"
        )
    labels = labels.long()
    if not can_look(labels) or labels.numel() == 0:
        return labels
    least, most = int(labels.min()), int(labels.max())
    if least < lowest or most >= num_classes:
        raise ValueError(
            f"{what} have to be in [{lowest}, {num_classes - 1}], but got labels from {least} to "
            f"{most}; does the head's number of classes fit the dataset?"
        )
    return labels


def can_look(values: Tensor) -> bool:
    """Whether to look at values costs no wait, and does not cut what is compiled in two."""
    return values.device.type == "cpu" and not torch.compiler.is_compiling()


def view_shares(viewpoints: Tensor, num_views: int) -> Tensor:
    """Share (B, V) of each viewpoint in each sample; a row sums to 1, or is 0 where unknown.

    With V = 1 every known viewpoint is the one.

    Args:
        viewpoints (Tensor): Labels (B,), -1 where unknown, or shares (B, V) already.
        num_views (int): V.

    Raises:
        ValueError: Labels or shares do not fit V. Only what is on the CPU is looked at.
    """
    if not viewpoints.is_floating_point():
        most = num_views if num_views > 1 else 360  # a view per degree, all the same one
        viewpoints = check_label_range(viewpoints, most, "viewpoint labels", lowest=-1)
        viewpoints = viewpoints.clamp(max=num_views - 1)
        view = torch.arange(num_views, device=viewpoints.device)
        return (viewpoints[:, None] == view).float()  # a row of zeros where -1
    if viewpoints.ndim != 2 or viewpoints.shape[1] != num_views:
        raise ValueError(
            f"viewpoint weights have to be of shape (B, {num_views}), but got "
            f"{tuple(viewpoints.shape)}; does the head's num_views fit the dataset? Labels (B,) "
            "have to be whole numbers"
        )
    if can_look(viewpoints):
        sums = viewpoints.sum(dim=1)
        good = (sums - 1).abs().minimum(sums.abs()) <= 1e-3  # not of NaN
        if (viewpoints < 0).any() or not good.all():
            raise ValueError(
                "viewpoint weights have to be 0 or more and sum to 1, or to 0 where unknown, but "
                f"got sums from {sums.min():g} to {sums.max():g}"
            )
    return viewpoints
