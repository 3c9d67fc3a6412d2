"""What torchvision calls the tensors of mmpretrain's MobileNetV2, until 2020 and since.

mmpretrain has stages of blocks, torchvision one row of ``features``. In a block torchvision counted
every module first, ``conv.0``, ``.1``, ``.3``, ``.4``, ``.6``, ``.7`` with the activations between;
since 0.6 it counts a convolution with its norm, ``conv.0.0``, ``.0.1``, ``.1.0``, ``.1.1``, but for
the projection, which has no activation, ``conv.2`` and ``.3``.
"""

import re
from collections.abc import Callable, Iterable
from itertools import accumulate

from mmpretrain.models import MobileNetV2

RATIOS = [ratio for ratio, *_ in MobileNetV2.arch_settings]
BLOCKS = [blocks for _, _, blocks, _ in MobileNetV2.arch_settings]
FIRST = [*accumulate(BLOCKS, initial=1)]  # the number in features of each stage's first block


def is_mobilenet(names: Iterable[str]) -> bool:
    """Tell whether names are those of ``features``, not of a ResNet."""
    return any(name.startswith("features.") for name in names)


def naming(names: Iterable[str]) -> Callable[[str], str]:
    """Return the function from mmpretrain's name of a tensor to that in the spelling of names."""
    today = any(re.match(r"features\.\d+\.conv\.\d+\.\d+\.", name) for name in names)
    return _name_today if today else _name_until_2020


def _name_today(key: str) -> str:
    return _name(key, lambda conv, norm, last: f"{conv + norm}" if last else f"{conv}.{norm}")


def _name_until_2020(key: str) -> str:
    return _name(key, lambda conv, norm, last: f"{3 * conv + norm}")


def _name(key: str, place: Callable[[int, int, bool], str]) -> str:
    """Name a tensor, where ``place`` tells a module from its convolution's number in the block."""
    if found := re.fullmatch(r"conv([12])\.(conv|bn)\.(\w+)", key):
        number = 0 if found[1] == "1" else FIRST[-1]
        return f"features.{number}.{int(found[2] == 'bn')}.{found[3]}"
    found = re.fullmatch(r"layer(\d)\.(\d+)\.conv\.(\d)\.(conv|bn)\.(\w+)", key)
    assert found, key
    stage, block, conv = int(found[1]) - 1, int(found[2]), int(found[3])
    last = conv == (1 if RATIOS[stage] == 1 else 2)  # a ratio of 1 needs no expansion
    module = place(conv, int(found[4] == "bn"), last)
    return f"features.{FIRST[stage] + block}.conv.{module}.{found[5]}"
