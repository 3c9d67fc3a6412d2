"""Counts multiply-accumulates (MACs) and parameters of configs, for one image and part by part.

Two conventions stand side by side.

The paper's (supplementary Table 3) is that of thop 0.1.1, and counts calls of modules:
- convolution and linear layer: one MAC for each weight that an output takes; bias is free;
- batch, layer and instance normalisation: 4 for each element, 2 without weights;
- adaptive average pooling: one for each element in and out; average pooling: one for each out;
- any other module, and any product of tensors outside of these modules: none. (thop has rules for
  a few more, such as transposed convolution and softmax; no backbone in our configs has them. Its
  releases of 2019 also count the additions of linear layers; the paper's digits stay the same.)
The identity classifier W counts, K·D MACs and as many parameters (S·K·D in a head of S stripes),
though testing has no use for it. The viewpoint centres U (K·V·D) do not, and are told apart.

MMEngine's is that of `mmengine.analysis`: the operations traced in a forward pass of testing, so
without W, and with 2 for each element in batch normalisation; and every parameter, so with U.

Without a config, it counts what that table has of SRB and VA-reID, and VA-reID with local features.
"""

import argparse
import json
from functools import partial
from pathlib import Path

import torch
from mmengine.analysis import FlopAnalyzer, parameter_count
from mmengine.config import Config, DictAction
from mmpretrain import get_model
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from mmvareid.config import load_config
from mmvareid.config.walk import kind
from mmvareid.fileio.outputs import check_outputs
from mmvareid.models import ReIDHead

CONFIGS = Path(__file__).parents[2] / "configs/va_reid"
ROWS = ("srb", "va-reid", "va-reid-local")

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
NORMALIZATIONS = (nn.modules.batchnorm._NormBase, nn.LayerNorm)
ADAPTIVE_POOLINGS = (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d)
POOLINGS = (nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d)


def macs_of_call(module: nn.Module, x: Tensor, y: Tensor) -> int:
    """Return the MACs of one call of a module on x, which gave y, as thop counts them."""
    if isinstance(module, CONVOLUTIONS):
        return y.numel() * module.weight[0].numel()
    if isinstance(module, nn.Linear):
        return y.numel() * module.in_features
    if isinstance(module, NORMALIZATIONS):
        return x.numel() * (2 if module.weight is None else 4)
    if isinstance(module, ADAPTIVE_POOLINGS):
        return x.numel() + y.numel()
    return y.numel() if isinstance(module, POOLINGS) else 0


def complexity(model: nn.Module, shape: tuple[int, int]) -> dict:
    """Count MACs and parameters of a model on one image.

    Args:
        model (nn.Module): A model whose children are its parts, such as mmpretrain's classifier.
        shape (tuple[int, int]): Height and width of the image.

    Returns:
        dict: ``parts`` has ``macs``, ``params``, ``mmengine_macs`` and ``mmengine_params`` of each
        part and of their ``total``; ``training_only_params`` is the size of U.
    """
    model.eval()
    image = torch.zeros(1, 3, *shape)
    children = {name: m for name, m in model.named_children() if name != "data_preprocessor"}
    macs = dict.fromkeys(children, 0)

    def add(name: str, module: nn.Module, inputs: tuple, output: Tensor) -> None:
        macs[name] += macs_of_call(module, inputs[0], output)

    counted = (*CONVOLUTIONS, nn.Linear, *NORMALIZATIONS, *ADAPTIVE_POOLINGS, *POOLINGS)
    handles = [
        module.register_forward_hook(partial(add, name))
        for name, child in children.items()
        for module in child.modules()
        if isinstance(module, counted)
    ]
    with torch.no_grad():
        model(image)
    for handle in handles:
        handle.remove()

    traced = FlopAnalyzer(model, (image,)).unsupported_ops_warnings(False)
    traced = traced.uncalled_modules_warnings(False).tracer_warnings("none")
    params = parameter_count(model)
    parts, unused = {}, 0
    for name, child in children.items():
        heads = [module for module in child.modules() if isinstance(module, ReIDHead)]
        centers = sum(head.view_weight.numel() for head in heads if hasattr(head, "view_weight"))
        parts[name] = {
            "macs": macs[name] + sum(head.weight.numel() for head in heads),
            "params": params[name] - centers,
            "mmengine_macs": int(traced.by_module()[name]),
            "mmengine_params": params[name],
        }
        unused += centers
    keys = ("macs", "params", "mmengine_macs", "mmengine_params")
    parts["total"] = {key: sum(part[key] for part in parts.values()) for key in keys}
    return {"parts": parts, "training_only_params": unused}


def shape_of(cfg: Config) -> tuple[int, int]:
    """Return height and width after the test pipeline's Resize."""
    pipeline = cfg.get("test_dataloader", {}).get("dataset", {}).get("pipeline", [])
    for step in pipeline:
        if kind(step) == "Resize" and isinstance(step.scale, list | tuple):
            width, height = step.scale
            return height, width
    raise ValueError(
        "test_dataloader.dataset.pipeline has to have a Resize with scale=(width, height), but got "
        f"{[kind(step) for step in pipeline]}; give --shape HEIGHT WIDTH"
    )


def table(row: dict) -> Table:
    """What people read of a row: the digits of the paper's table."""
    height, width = row["shape"]
    shown = Table(title=f"{row['config']}, {height}x{width}")
    if row["training_only_params"]:
        unused = _digits(row["training_only_params"])
        shown.caption = f"in training only: {unused} parameters of U, which mmengine counts"
    shown.add_column("part")
    for title in ("MACs", "params", "MACs, mmengine", "params, mmengine"):
        shown.add_column(title, justify="right", no_wrap=True)
    for name, part in row["parts"].items():
        if name == "total":
            shown.add_section()
        shown.add_row(name, *(_digits(value) for value in part.values()))
    return shown


def _digits(number: int) -> str:
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.2f} {unit}"
    return str(number)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("configs", nargs="*", help="config files")
    parser.add_argument(
        "--shape",
        nargs=2,
        type=int,
        metavar=("HEIGHT", "WIDTH"),
        help="size of the image; by default that of the config's test pipeline",
    )
    parser.add_argument("--out", type=Path, help="write the exact counts to this JSON file")
    parser.add_argument("--cfg-options", nargs="+", action=DictAction, help="key=value ...")
    args = parser.parse_args()
    check_outputs(parser, args.out)
    return args


def main() -> None:
    args = parse_args()
    console = Console(highlight=False)
    rows = []
    for path in args.configs or [CONFIGS / f"{row}_seresnext101_market1501.py" for row in ROWS]:
        cfg = load_config(str(path), args.cfg_options)
        shape = tuple(args.shape or shape_of(cfg))
        row = {"config": Path(path).stem, "shape": shape, **complexity(get_model(cfg), shape)}
        console.print(table(row))
        rows.append(row)
    if args.out:
        args.out.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
