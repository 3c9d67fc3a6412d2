"""One check for labels that do not fit the logits."""

import torch
from torch import Tensor


def check_label_range(labels: Tensor, num_classes: int, what: str, lowest: int = 0) -> None:
    """Raise ``ValueError`` if ``labels`` (B,) leave ``[lowest, num_classes)``.

    Only labels on the CPU are looked at, and not by compiled code: on a GPU every step would wait
    for the answer. There ``mmvareid.DataCheckHook`` has looked at the whole dataset before training
    started.
    """
    if not can_look(labels) or labels.numel() == 0:
        return
    least, most = int(labels.min()), int(labels.max())
    if least < lowest or most >= num_classes:
        raise ValueError(
            f"{what} have to be in [{lowest}, {num_classes - 1}], but got labels from {least} to "
            f"{most}; does the head's number of classes fit the dataset?"
        )


def can_look(values: Tensor) -> bool:
    """Whether to look at values costs no wait, and does not cut what is compiled in two."""
    return values.device.type == "cpu" and not torch.compiler.is_compiling()
