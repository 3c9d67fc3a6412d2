"""What SOLIDER, TransReID-SSL and LUPerson call the tensors of mmpretrain's backbones.

Names are those of tinyvision/SOLIDER (swin_transformer.py), damo-cv/TransReID-SSL
(dino/vision_transformer.py) and DengpanFu/LUPerson (lup_moco/libs/moco_builder.py).
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from backbone_keys import SOURCES, Converted, take
from mmpretrain.models import SwinTransformer, VisionTransformer
from mmpretrain.registry import MODELS
from solider_semantics import fold_semantics
from torch import Tensor

HEAD_CHANNELS = 64  # of an attention head in every ViT of DINO; no tensor tells it


@dataclass(frozen=True)
class Pretraining:
    """A code that learns from people without labels.

    Args:
        prefixes (tuple[str, ...]): What may stand before the names of the backbone.
        droppable (str): Pattern of what is not of the backbone, where ``PREFIX`` stands for it.
        renames (tuple): Patterns in mmpretrain's names, and what the code writes instead.
        backbone (Callable): From weights without prefix to the config of the backbone.
        pixels (dict): The statistics of the pixels that it learnt from.
    """

    prefixes: tuple[str, ...]
    droppable: str
    renames: tuple[tuple[str, str], ...]
    backbone: Callable[[dict[str, Tensor]], dict]
    pixels: dict


def swin_config(weights: dict[str, Tensor]) -> dict:
    """Return the config of a Swin; its windows reach over the border of small maps."""
    tables = [
        weights[f"stages.{stage}.blocks.0.attn.w_msa.relative_position_bias_table"]
        for stage in range(_count(weights, r"stages\.(\d+)\."))
    ]
    arch = dict(
        embed_dims=weights["patch_embed.projection.weight"].shape[0],
        depths=[_count(weights, rf"stages\.{i}\.blocks\.(\d+)\.") for i in range(len(tables))],
        num_heads=[table.shape[1] for table in tables],
    )
    return dict(
        type="SwinTransformer",
        arch=_name_of_arch(arch, SwinTransformer.arch_zoo),
        window_size=(math.isqrt(tables[0].shape[0]) + 1) // 2,
        pad_small_map=True,
        out_indices=(len(tables) - 1,),
    )


def vit_config(weights: dict[str, Tensor]) -> dict:
    """Return the config of a ViT, with the size of the images that it learnt from."""
    if stem := [name for name in weights if name.startswith("patch_embed.conv.")]:
        raise ValueError(
            "a ViT of transreid-ssl has to embed patches by patch_embed.proj alone, but got the "
            f"convolutions of an ICS model, {stem[0]} and {len(stem) - 1} more, which mmpretrain's "
            "does not have; choose weights without ICS"
        )
    channels, _, patch, _ = weights["patch_embed.proj.weight"].shape
    arch = dict(
        embed_dims=channels,
        num_layers=_count(weights, r"blocks\.(\d+)\."),
        num_heads=channels // HEAD_CHANNELS,
        feedforward_channels=weights["blocks.0.mlp.fc1.weight"].shape[0],
    )
    height, width = grid_of(weights["pos_embed"].shape[1] - 1)
    return dict(
        type="VisionTransformer",
        arch=_name_of_arch(arch, VisionTransformer.arch_zoo),
        patch_size=patch,
        img_size=(height * patch, width * patch),
    )


def resnet_config(weights: dict[str, Tensor]) -> dict:
    """Return the config of a ResNet."""
    return dict(type="ResNet", depth=SOURCES["torchvision"].depth_of(weights))


def grid_of(tokens: int) -> tuple[int, int]:
    """Return rows and columns of patches of images that are 1, 2 or 3 times as high as wide."""
    for ratio in (1, 2, 3):
        width = math.isqrt(tokens // ratio)
        if ratio * width**2 == tokens:
            return ratio * width, width
    raise ValueError(
        f"pos_embed has to be of images 1, 2 or 3 times as high as wide, but got {tokens} patches; "
        "choose weights of such images"
    )


PRETRAININGS = {
    "solider": Pretraining(
        ("module.backbone.", "backbone."),
        # norms of other outputs than the last, and what scales channels behind it
        r"(module\.)?head\..*|PREFIX(norm[0-2]|semantic_embed_[wb]\.3)\..*",
        (),
        swin_config,
        dict(mean=[127.5] * 3, std=[127.5] * 3, to_rgb=True),
    ),
    "transreid-ssl": Pretraining(
        ("module.backbone.", "backbone."),
        r"(module\.)?head\..*",
        (
            (r"^layers\.", "blocks."),
            (r"\.ln([12])\.", r".norm\1."),
            (r"^ln1\.", "norm."),
            (r"\.ffn\.layers\.0\.0\.", ".mlp.fc1."),
            (r"\.ffn\.layers\.1\.", ".mlp.fc2."),
            (r"\.projection\.", ".proj."),
        ),
        vit_config,
        dict(mean=[127.5] * 3, std=[127.5] * 3, to_rgb=True),
    ),
    "luperson": Pretraining(
        ("module.encoder_q.", "encoder_q."),
        r"(module\.)?(encoder_k\..*|queue|queue_ptr)|PREFIXfc\..*",
        (),
        resnet_config,
        # 255 times those of lup_moco/libs/transform.py
        dict(mean=[89.89, 79.20, 80.07], std=[67.83, 64.31, 63.88], to_rgb=True),
    ),
}


def convert_pretraining(weights: dict[str, Tensor], source: str) -> Converted:
    """Give the tensors of a pretrained person model mmpretrain's names.

    Args:
        weights (dict[str, Tensor]): The state dict of the teacher, of MoCo, or of a backbone alone.
        source (str): A key of ``PRETRAININGS``.

    Raises:
        ValueError: ``weights`` is not exactly a model that mmpretrain has too.
    """
    code = PRETRAININGS[source]
    prefix = next((p for p in code.prefixes if any(n.startswith(p) for n in weights)), "")
    plain = {
        name.removeprefix(prefix): tensor
        for name, tensor in weights.items()
        if name.startswith(prefix)
    }
    try:
        backbone = code.backbone(plain)
        changed, folded = fold_semantics(plain) if source == "solider" else ({}, [])
    except KeyError as error:
        raise ValueError(
            f"weights of {source} have to have {prefix}{error.args[0]}, but got "
            f"{', '.join([*weights][:4])} and others; choose another source or other weights"
        ) from error
    weights = weights | {prefix + name: tensor for name, tensor in changed.items()}
    folded = [prefix + name for name in folded]

    def name_of(key: str) -> str:
        for pattern, replacement in code.renames:
            key = re.sub(pattern, replacement, key)
        return prefix + key

    droppable = re.compile(code.droppable.replace("PREFIX", re.escape(prefix)))
    state_dict, dropped = take(
        {name: tensor for name, tensor in weights.items() if name not in folded},
        MODELS.build(backbone).state_dict(),
        name_of,
        lambda name: droppable.fullmatch(name) is not None,
        source,
        f"{backbone['type']} {backbone.get('arch', backbone.get('depth'))}",
    )
    return Converted(state_dict, backbone, dropped, folded)


def _count(weights: dict[str, Tensor], pattern: str) -> int:
    """Return how many numbers a pattern finds in names, from 0 on."""
    return 1 + max((int(m[1]) for name in weights if (m := re.match(pattern, name))), default=-1)


def _name_of_arch(arch: dict, zoo: dict[str, dict]) -> str | dict:
    """Return mmpretrain's longer name of an architecture or, where it has none, the dict."""
    return next((name for name in zoo if len(name) > 1 and zoo[name] == arch), arch)
