"""Which weights of a checkpoint a model takes."""

from typing import Any

from mmengine.model import BaseModel
from torch import Tensor, is_tensor, nn


def weights_in(content: Any, source: object) -> dict[str, Tensor]:
    """Return the weights of a checkpoint, or the content itself where it is nothing else.

    Args:
        content (Any): As of :func:`.load_checkpoint_safely`.
        source (object): Where it is from, for the message.

    Raises:
        ValueError: They are no tensors by name, or none at all.
    """
    found = content.get("state_dict", content) if isinstance(content, dict) else None
    if not isinstance(found, dict) or not found or not all(map(is_tensor, found.values())):
        raise ValueError(
            f"the checkpoint {source} has to hold weights by name, but holds something else"
        )
    return found


def match_weights(
    model: nn.Module, content: Any, source: object, but_for: str | None = None
) -> dict[str, Tensor]:
    """Return the weights that a model takes from a checkpoint, which has to have all of them.

    MMEngine warns of what is missing, among hundreds of lines, and goes on with random weights.

    Args:
        model (nn.Module): The model; wrappers, which have it as ``module``, are looked through.
        content (Any): As of :func:`.load_checkpoint_safely`.
        source (object): Where it is from, for the message.
        but_for (str, optional): Weights whose names start so may differ, and are left out.

    Raises:
        ValueError: Weights are missing, have another shape, or are none.
    """
    while isinstance(inner := getattr(model, "module", None), BaseModel):
        model = inner
    found = weights_in(content, source)
    matched, lacking, other = {}, [], []
    for name, weight in model.state_dict().items():
        if but_for and name.startswith(but_for):
            continue
        if name not in found:
            lacking.append(name)
        elif found[name].shape != weight.shape:
            other.append(f"{name} {tuple(found[name].shape)}, not {tuple(weight.shape)}")
        else:
            matched[name] = found[name]
    if lacking or other:
        what = f"lacks {len(lacking)} such as {lacking[0]}" if lacking else f"has {other[0]}"
        raise ValueError(
            f"the checkpoint {source} has to have all weights of the config's model, but {what}; "
            "is it of another config?"
        )
    return matched
