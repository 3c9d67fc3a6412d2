"""torch.compile by regions: what a network repeats is compiled once for each shape."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import torch
import torch._dynamo
from torch import nn
from torch.torch_version import TorchVersion

BLOCKS = ("BasicBlock", "Bottleneck")  # of ResNet, and all that mmpretrain derives from them
_LIMIT = 64  # shapes and modes of a network; dynamo gives up after 8


def compile_blocks(
    model: nn.Module, blocks: Sequence[str] = BLOCKS, losses: bool = True, **options: Any
) -> list[nn.Module]:
    """Compile the repeated blocks of a model in place, its neck, and the losses of its head.

    A whole SE-ResNeXt101 takes minutes to compile, its 33 blocks are of 8 shapes and take seconds.
    Names of weights stay. What is around a block, such as autocast and DDP, is not traced.

    Args:
        model (nn.Module): A classifier of mmpretrain with ``backbone``, and perhaps ``neck`` and
            ``head``.
        blocks (Sequence[str]): Class names of what the backbone repeats, their subclasses included.
            Defaults to those of ResNets.
        losses (bool): Whether to compile the neck and the losses too.
        **options: As of ``torch.compile``: ``backend``, ``mode``. Sizes are fixed unless
            ``dynamic`` says otherwise.

    Returns:
        list[nn.Module]: What is compiled at its first call.

    Raises:
        ValueError: The backbone has no such block; those that it repeats are told.
    """
    config: Any = torch._dynamo.config
    if TorchVersion(torch.__version__) < "2.5":  # later ones have one graph for a shape anyway
        config.inline_inbuilt_nn_modules = True
    config.optimize_ddp = False  # it would cut the graph of a whole model where gradients are sent
    limit = "recompile_limit" if hasattr(config, "recompile_limit") else "cache_size_limit"
    setattr(config, limit, max(getattr(config, limit), _LIMIT))

    chosen = find_blocks(model.backbone, blocks)  # type: ignore[arg-type]
    if losses:
        neck, head = getattr(model, "neck", None), getattr(model, "head", None)
        chosen += [neck] if neck is not None else []
        chosen += [
            part
            for name, part in (head.named_modules() if head is not None else ())
            if name.rpartition(".")[2].startswith("loss")
        ]
    for module in chosen:
        module.compile(**{"dynamic": False, **options})
    return chosen


def find_blocks(backbone: nn.Module, blocks: Sequence[str]) -> list[nn.Module]:
    """Return the outermost modules whose class, or a base of it, has one of these names.

    Raises:
        ValueError: There is none.
    """
    found: list[nn.Module] = []
    waiting = [*backbone.children()]
    while waiting:
        module = waiting.pop(0)
        if any(base.__name__ in blocks for base in type(module).__mro__):
            found.append(module)
        else:
            waiting += module.children()
    if not found:
        kinds = Counter(
            type(module).__name__ for module in backbone.modules() if [*module.children()]
        )
        repeated = sorted(kind for kind, number in kinds.items() if number > 1)
        raise ValueError(
            f"blocks has to name what {type(backbone).__name__} repeats, but it has no "
            f"{' or '.join(blocks)}; it repeats {', '.join(repeated) or 'nothing'}"
        )
    return found
