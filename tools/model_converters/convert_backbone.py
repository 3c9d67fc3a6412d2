"""Turns weights of other libraries, or learnt from people, into a file for mmpretrain's backbones.

    python tools/model_converters/convert_backbone.py SOURCE SRC DST

SOURCE and the models that it may be:
- timm: seresnext50_32x4d and seresnext101_32x4d, as .safetensors or .pth
- cadene: se_resnext50_32x4d and se_resnext101_32x4d of pretrained-models.pytorch, likely the
  paper's (se_resnext101_32x4d-3b2fe3d8.pth; timm has them as legacy_seresnext101_32x4d)
- torchvision: resnet18, 34, 50, 101 and 152; mobilenet_v2, with the names of any version
- solider: the Swin of SOLIDER's teacher, tiny, small and base
- transreid-ssl: the ViT of TransReID-SSL's teacher, without the stem of its ICS models
- luperson: the ResNet of LUPerson's MoCo

DST is {'state_dict': ...} with the backbone's own names, without prefix. A config takes it by
    model = dict(backbone=dict(init_cfg=dict(type="Pretrained", checkpoint="DST")))
and the command line by
    --cfg-options model.backbone.init_cfg.type=Pretrained model.backbone.init_cfg.checkpoint=DST
Cadene's weights also want type="mmvareid.SEResNeXt", stem_pool="ceil". The last stride of a config,
2 or 1, is free: weights don't depend on it.

Every tensor of SRC has to be used, but for heads, what else training alone needs, and the counters
of batch norms, which are counted; and every tensor of the backbone has to be in SRC. Nothing in SRC
is executed.
"""

import argparse
import json
from pathlib import Path

import torch
from backbone_keys import COUNTER, SOURCES, convert
from person_pretraining_keys import PRETRAININGS, convert_pretraining
from torch import Tensor

from mmvareid.fileio.checkpoints import load_checkpoint_safely
from mmvareid.fileio.outputs import check_outputs
from mmvareid.fileio.whole_files import whole_file


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read a state dict, or a checkpoint that has one, without running code from it."""
    if path.suffix == ".safetensors":
        loaded = _read_safetensors(path)
    else:
        # DINO's checkpoints, and those of its followers, hold the command line's arguments too
        torch.serialization.add_safe_globals([argparse.Namespace])
        loaded = load_checkpoint_safely(str(path), map_location="cpu")
    for key in ("teacher", "state_dict"):
        if isinstance(loaded, dict) and isinstance(loaded.get(key), dict):
            others = ", ".join(str(other) for other in loaded if other != key)
            print(f"{path}: {key}" + (f", not {others}" if others else ""))
            loaded = loaded[key]
    if not isinstance(loaded, dict) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in loaded.items()
    ):
        raise ValueError(
            f"{path} has to hold a state dict, names and tensors alone, but got a "
            f"{type(loaded).__name__} of other things; save model.state_dict()"
        )
    return loaded


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    except ImportError as error:
        raise ImportError(
            f"safetensors has to be installed to read {path}, but it is not; do "
            "pip install safetensors"
        ) from error
    if not path.is_file():
        raise FileNotFoundError(f"the weights {path} do not exist")
    try:
        return load_file(path)
    except SafetensorError as error:
        raise ValueError(
            f"the weights {path} cannot be read; is the file whole? {error}"
        ) from error


def write_weights(state_dict: dict[str, Tensor], path: Path) -> None:
    """Write all of a checkpoint or, where that fails, leave what was there."""
    # Copies: a view would be written with all of the storage behind it.
    state_dict = {name: value.detach().clone() for name, value in state_dict.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as part:
        torch.save({"state_dict": state_dict}, part)


def as_config(value: object) -> str:
    """Write a value as configs do, with ``dict(key=...)``."""
    if isinstance(value, dict):
        return f"dict({', '.join(f'{key}={as_config(item)}' for key, item in value.items())})"
    return json.dumps(value) if isinstance(value, str) else repr(value)


def summary(names: list[str]) -> str:
    """List names, and count those of one module, where they are more than two, and counters."""
    modules: dict[str, list[str]] = {}
    for name in names:
        path = name.split(".")[:-1][:2]  # such as backbone.norm0
        module = f"*{COUNTER}" if name.endswith(COUNTER) else ".".join([*path, "*"])
        modules.setdefault(module, []).append(name)
    counted = [
        f"{len(group)} of {module}" if len(group) > 2 else ", ".join(group)
        for module, group in sorted(modules.items(), key=lambda item: item[0].startswith("*"))
    ]
    return ", ".join(counted) or "nothing"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", choices=[*SOURCES, *PRETRAININGS], help="where SRC comes from")
    parser.add_argument("src", type=Path, help="its weights")
    parser.add_argument("dst", type=Path, help="file to write")
    args = parser.parse_args()
    check_outputs(parser, args.dst)

    try:
        if args.src.resolve() == args.dst.resolve():
            raise ValueError(f"DST has to be another file than SRC, but got {args.dst} twice")
        weights = read_weights(args.src)
        if args.source in SOURCES:
            converted = convert(weights, args.source)
        else:
            converted = convert_pretraining(weights, args.source)
        write_weights(converted.state_dict, args.dst)
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        parser.error(str(error))

    init_cfg = dict(type="Pretrained", checkpoint=str(args.dst))
    print(f"{args.dst}: {len(converted.state_dict)} tensors")
    print(f"dropped: {summary(converted.dropped)}")
    if converted.folded:
        print(f"folded into others: {summary(converted.folded)}")
    print(
        f"config: model = {as_config({'backbone': {**converted.backbone, 'init_cfg': init_cfg}})}"
    )
    if args.source in PRETRAININGS:
        print(f"config: data_preprocessor = {as_config(PRETRAININGS[args.source].pixels)}")


if __name__ == "__main__":
    main()
