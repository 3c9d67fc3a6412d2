"""What timm, Cadene and torchvision call the tensors of mmpretrain's backbones."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from mmpretrain.models import MobileNetV2, ResNet, SEResNeXt
from mmpretrain.models.backbones.resnet import Bottleneck
from mobilenet_keys import is_mobilenet, naming
from torch import Tensor

COUNTER = ".num_batches_tracked"


@dataclass(frozen=True)
class Source:
    """A library of weights of ResNets; torchvision's MobileNetV2 has names of its own.

    Args:
        backbone (type[ResNet]): mmpretrain's class of the same architecture.
        classifier (str): The library's name of the layer that is dropped.
        config (dict): What a config's backbone has to be for these weights.
        renames (tuple): Patterns in mmpretrain's names, and what the library writes instead.
    """

    backbone: type[ResNet]
    classifier: str
    config: dict[str, str]
    renames: tuple[tuple[str, str], ...] = ()

    def name_of(self, key: str) -> str:
        """Return the library's name of mmpretrain's tensor ``key``."""
        for pattern, replacement in self.renames:
            key = re.sub(pattern, replacement, key)
        return key

    def depth_of(self, names: Iterable[str]) -> int:
        """Return the depth of a model from the names of its tensors."""
        blocks = [re.match(r"layer([1-4])\.(\d+)\.(conv3)?", name) for name in names]
        found = tuple(
            1 + max((int(b[2]) for b in blocks if b and b[1] == stage), default=-1)
            for stage in "1234"
        )
        bottleneck = any(b and b[3] for b in blocks)
        for depth, (block, counts) in self.backbone.arch_settings.items():
            if counts == found and issubclass(block, Bottleneck) == bottleneck:
                return depth
        raise ValueError(
            f"layer1 to layer4 have to have the blocks of {self.backbone.__name__} of depth "
            f"{', '.join(map(str, self.backbone.arch_settings))}, but got {found} "
            f"{'bottlenecks' if bottleneck else 'blocks without conv3'}; choose weights of such a "
            "model"
        )


SOURCES = {
    "timm": Source(
        SEResNeXt,
        "fc",
        dict(type="SEResNeXt"),
        ((r"\.se_layer\.conv([12])\.conv\.", r".se.fc\1."),),
    ),
    "cadene": Source(
        SEResNeXt,
        "last_linear",
        dict(type="mmvareid.SEResNeXt", stem_pool="ceil"),
        (
            (r"^(conv1|bn1)\.", r"layer0.\1."),
            (r"\.se_layer\.conv([12])\.conv\.", r".se_module.fc\1."),
        ),
    ),
    "torchvision": Source(ResNet, "fc", dict(type="ResNet")),
}


@dataclass(frozen=True)
class Converted:
    """Weights for a backbone of mmpretrain.

    Args:
        state_dict (dict[str, Tensor]): With the backbone's names.
        backbone (dict): The config that takes them.
        dropped (list[str]): Names of what was left out.
        folded (list[str]): Names of what is in other tensors now.
    """

    state_dict: dict[str, Tensor]
    backbone: dict
    dropped: list[str]
    folded: list[str] = field(default_factory=list)


def convert(weights: dict[str, Tensor], source: str) -> Converted:
    """Give the tensors of a library's model mmpretrain's names.

    Args:
        weights (dict[str, Tensor]): The library's state dict.
        source (str): A key of ``SOURCES``.

    Returns:
        Converted: Without the counters of batch norms.

    Raises:
        ValueError: ``weights`` is not exactly a model that mmpretrain has too.
    """
    if source == "torchvision" and is_mobilenet(weights):
        model, backbone, config = "MobileNetV2", MobileNetV2(), dict(type="MobileNetV2")
        name_of, classifier = naming(weights), "classifier.1"
    else:
        library = SOURCES[source]
        depth = library.depth_of(weights)
        model = f"{library.backbone.__name__} of depth {depth}"
        backbone, config = library.backbone(depth), {**library.config, "depth": depth}
        name_of, classifier = library.name_of, library.classifier
    state_dict, dropped = take(
        weights,
        backbone.state_dict(),
        name_of,
        {f"{classifier}.weight", f"{classifier}.bias"}.__contains__,
        source,
        model,
    )
    return Converted(state_dict, config, dropped)


def take(
    weights: dict[str, Tensor],
    target: dict[str, Tensor],
    name_of: Callable[[str], str],
    droppable: Callable[[str], bool],
    source: str,
    model: str,
) -> tuple[dict[str, Tensor], list[str]]:
    """Take every tensor of a backbone from weights of other names.

    Args:
        weights (dict[str, Tensor]): What there is.
        target (dict[str, Tensor]): The state dict of the backbone.
        name_of (Callable): From a name in ``target`` to that in ``weights``.
        droppable (Callable): Whether a name in ``weights`` may be left out, besides counters.
        source (str): What the weights are called in errors.
        model (str): What the backbone is called in errors.

    Returns:
        tuple: The state dict less the counters of batch norms; the names that were left out.

    Raises:
        ValueError: A tensor is missing, unknown or of another shape.
    """
    counters = {name_of(key) for key in target if key.endswith(COUNTER)}
    names = {key: name_of(key) for key in target if not key.endswith(COUNTER)}
    used = {*names.values()}
    dropped = [name for name in weights if name in counters or droppable(name)]

    missing = [name for name in names.values() if name not in weights]
    unknown = [name for name in weights if name not in used.union(dropped)]
    if missing or unknown:
        raise ValueError(
            f"weights of {source} have to be exactly those of {model}, but got {_some(missing)} "
            f"missing and {_some(unknown)} unknown; choose another source or other weights"
        )
    other = [
        f"{name} {tuple(weights[name].shape)} for {tuple(target[key].shape)}"
        for key, name in names.items()
        if weights[name].shape != target[key].shape
    ]
    if other:
        raise ValueError(
            f"weights of {source} have to have the shapes of {model}, but got {_some(other)}; "
            "choose a model of that width and number of groups"
        )
    return {key: weights[name] for key, name in names.items()}, dropped


def _some(items: list[str], most: int = 8) -> str:
    """List the first items, and count the others."""
    more = f" and {len(items) - most} more" if len(items) > most else ""
    return (", ".join(items[:most]) or "none") + more
