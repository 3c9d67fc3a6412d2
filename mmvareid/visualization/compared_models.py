"""One model, or two side by side: their arguments on a command line, and their features."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config, DictAction
from mmengine.dataset import BaseDataset

from mmvareid.apis import (
    FeatureSet,
    extract_features,
    inference_dataloader,
    load_model,
    select_images,
)
from mmvareid.config import load_config
from mmvareid.registry import DATASETS

from .labels import model_labels


def model_parser(description: str | None, out: str) -> argparse.ArgumentParser:
    """Return a parser of a tool that compares models.

    Args:
        description (str | None): Of the tool.
        out (str): What ``--out`` is.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("config", help="config file")
    parser.add_argument("checkpoint", help="checkpoint file")
    parser.add_argument(
        "--compare", nargs=2, metavar=("CONFIG", "CHECKPOINT"), help="a second model, beside it"
    )
    parser.add_argument(
        "--labels", nargs="+", help="a name for each model; by default the configs'"
    )
    parser.add_argument("--out", type=Path, required=True, help=out)
    parser.add_argument("--device", help="by default the GPU if there is one")
    parser.add_argument(
        "--cfg-options", nargs="+", action=DictAction, help="override each config: key=value"
    )
    return parser


@dataclass
class ComparedModel:
    """A model before it is loaded, and the images that it is to see.

    Attributes:
        label (str): Its name in pictures and tables.
        cfg (Config): Its config.
        checkpoint (str): Path of its weights.
        loader (dict): Dataloader of the images.
    """

    label: str
    cfg: Config
    checkpoint: str
    loader: dict


def parse_labels(parser: argparse.ArgumentParser, args: argparse.Namespace) -> list[str]:
    """Return a label for each model of a command line, or end with the parser's error."""
    try:
        return model_labels(_models(args), args.labels)
    except ValueError as error:
        parser.error(str(error))


def compared_models(
    args: argparse.Namespace, labels: Sequence[str], split: str = "test"
) -> tuple[list[ComparedModel], BaseDataset]:
    """Return the models of a command line, and the first one's dataset, without transforms.

    Nothing is loaded yet: an error in a config or a dataset is not to come after minutes of work.
    """
    configs = [load_config(config, args.cfg_options) for config, _ in _models(args)]
    models = [
        ComparedModel(label, cfg, checkpoint, inference_dataloader(cfg, split))
        for label, cfg, (_, checkpoint) in zip(labels, configs, _models(args), strict=True)
    ]
    return models, DATASETS.build({**models[0].loader["dataset"], "pipeline": []})


def show_same_images(models: Sequence[ComparedModel], infos: Sequence[dict]) -> None:
    """Let every model see the images of these infos alone, in their order.

    Raises:
        ValueError: A model's dataset lacks one, see :func:`mmvareid.apis.select_images`.
    """
    for model in models:
        model.loader = select_images(model.loader, infos)


def compared_features(models: Sequence[ComparedModel], device: str | None) -> list[FeatureSet]:
    """Compute the features of each model's images; all weights are read before the first image."""
    networks = [load_model(model.cfg, model.checkpoint, device) for model in models]
    return [
        extract_features(network, model.loader, model.label)
        for network, model in zip(networks, models, strict=True)
    ]


def _models(args: argparse.Namespace) -> list[tuple[str, str]]:
    """Config and checkpoint of each model."""
    return [(args.config, args.checkpoint), *([tuple(args.compare)] if args.compare else [])]
