"""What checkpoints of pre-training on people call the tensors of mmpretrain's backbones.

SOLIDER (Chen et al. 2023) trains a Swin Transformer, TransReID-SSL (Luo et al. 2021) a ViT, and
LUPerson (Fu et al. 2021) a ResNet-50 by MoCo, each as the student or teacher of a larger thing.
"""

import re
from dataclasses import dataclass

from backbone_keys import convert, some
from mmpretrain.models import SwinTransformer, VisionTransformer
from mmpretrain.models.utils import resize_pos_embed
from torch import Tensor, nn

POSITIONS = "pos_embed"
PATCH = 16


@dataclass(frozen=True)
class PersonSource:
    """A way of pre-training on people.

    Args:
        prefixes (tuple): What stands before the names of the backbone; the first that is there.
        dropped (str): Pattern of names behind the prefix that belong to no backbone of mmpretrain.
        backbone (type | None): mmpretrain's class; None is a ResNet as torchvision names it.
        archs (tuple): What that class may be.
        config (dict): What a config's backbone has to be for these weights.
        renames (tuple): Patterns in mmpretrain's names, and what the source writes instead.
    """

    prefixes: tuple[str, ...]
    dropped: str
    backbone: type[nn.Module] | None = None
    archs: tuple[str, ...] = ()
    config: tuple[tuple[str, object], ...] = ()
    renames: tuple[tuple[str, str], ...] = ()

    def name_of(self, key: str) -> str:
        """Return the source's name of mmpretrain's tensor ``key``."""
        for pattern, replacement in self.renames:
            key = re.sub(pattern, replacement, key)
        return key


PERSON_SOURCES = {
    "solider": PersonSource(
        ("backbone.", "module.backbone."),
        r"head\.|semantic_embed_[wb]\.|norm[012]?\.|.*relative_position_index$",
        SwinTransformer,
        ("tiny", "small", "base"),
        (("type", "SwinTransformer"), ("pad_small_map", True)),
    ),
    "transreid-ssl": PersonSource(
        ("backbone.", "module.backbone."),
        r"head\.|fc\.",
        VisionTransformer,
        ("deit-small", "base"),
        (("type", "VisionTransformer"),),
        (
            (r"^layers\.", "blocks."),
            (r"\.ln([12])\.", r".norm\1."),
            (r"\.ffn\.layers\.0\.0\.", ".mlp.fc1."),
            (r"\.ffn\.layers\.1\.", ".mlp.fc2."),
            (r"^patch_embed\.projection\.", "patch_embed.proj."),
            (r"^ln1\.", "norm."),
        ),
    ),
    "luperson": PersonSource(("module.encoder_q.", "encoder_q."), r"fc\.\d"),
}


def convert_person(
    weights: dict[str, Tensor], source: str, size: tuple[int, int] = (384, 128)
) -> tuple[dict[str, Tensor], list[str], dict]:
    """Give the tensors of a pre-training on people mmpretrain's names.

    Args:
        weights (dict[str, Tensor]): The source's state dict, that of the teacher if there is one.
        source (str): A key of ``PERSON_SOURCES``.
        size (tuple[int, int]): Height and width of the images to train on, for which the position
            embedding of a ViT is resized.

    Returns:
        tuple: The state dict of mmpretrain's backbone; the names that were dropped; the config of
        the backbone.

    Raises:
        ValueError: ``weights`` is not exactly such a model.
    """
    library = PERSON_SOURCES[source]
    prefix = next((p for p in library.prefixes if any(n.startswith(p) for n in weights)), "")
    inside = {n.removeprefix(prefix): w for n, w in weights.items() if n.startswith(prefix)}
    dropped = [name for name in weights if not name.startswith(prefix)]
    dropped += [prefix + name for name in inside if re.match(library.dropped, name)]
    kept = {name: w for name, w in inside.items() if not re.match(library.dropped, name)}
    if library.backbone is None:
        state, counters, depth = convert(kept, "torchvision")
        return state, dropped + counters, {"type": "ResNet", "depth": depth}
    if any(name.startswith("patch_embed.conv") for name in kept):
        raise ValueError(
            "weights have to be of a ViT with plain patches, but have the convolutions of ICS, "
            "which mmpretrain's lacks; choose those without ICS"
        )
    arch, names = _match(library, kept, source)
    state = {key: kept[name] for key, name in names.items()}
    config: dict = {**dict(library.config), "arch": arch}
    if POSITIONS in state:
        state[POSITIONS] = _resize(state[POSITIONS], size)
        config["img_size"] = list(size)
    return state, dropped, config


def _match(
    library: PersonSource, kept: dict[str, Tensor], source: str
) -> tuple[str, dict[str, str]]:
    """Return the architecture whose names and shapes are those of the weights, and the names."""
    assert library.backbone is not None
    problems = []
    for arch in library.archs:
        target = library.backbone(arch).state_dict()
        names = {
            key: library.name_of(key)
            for key in target
            if not key.endswith("relative_position_index")
        }
        missing = [name for name in names.values() if name not in kept]
        unknown = sorted(kept.keys() - {*names.values()})
        shapes = [
            f"{name} {tuple(kept[name].shape)} for {tuple(target[key].shape)}"
            for key, name in names.items()
            if name in kept and key != POSITIONS and kept[name].shape != target[key].shape
        ]
        if not missing and not unknown and not shapes:
            return arch, names
        problems.append(
            f"{arch}: {some(missing)} missing, {some(unknown)} unknown, {some(shapes)} in shape"
        )
    raise ValueError(
        f"weights of {source} have to be exactly those of a {library.backbone.__name__}, but are "
        f"none of these: {'; '.join(problems)}"
    )


def _resize(positions: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize a position embedding (1, 1 + N, D) of images 1, 2 or 3 times as high as wide."""
    number = positions.shape[1] - 1
    grids = [(ratio * w, w) for ratio in (1, 2, 3) for w in [round((number / ratio) ** 0.5)]]
    fitting = [grid for grid in grids if grid[0] * grid[1] == number]
    if not fitting:
        raise ValueError(
            f"{POSITIONS} has to be of a grid once, twice or thrice as high as wide, but has "
            f"{number} places"
        )
    return resize_pos_embed(positions, fitting[0], (size[0] // PATCH, size[1] // PATCH), "bicubic")
