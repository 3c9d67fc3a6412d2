"""From a config and a checkpoint to the features of a dataset."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from rich.progress import track

from mmvareid.datasets.infos import dataset_infos
from mmvareid.evaluation import Descriptors
from mmvareid.fileio.checkpoints import load_checkpoint_safely, use_safe_checkpoints
from mmvareid.fileio.weights import match_weights
from mmvareid.registry import DATASETS, MODELS


@dataclass(frozen=True)
class FeatureSet:
    """Unit features ``(N, D)`` float32, and what the dataset knows of each image.

    ``infos[i]`` has ``img_path``, ``person_id``, ``camera_id``, ``viewpoint`` (-1 where unknown)
    and ``is_query``, see :class:`mmvareid.datasets.ReIDDataset`.
    """

    features: np.ndarray
    infos: list[dict]

    def column(self, key: str) -> np.ndarray:
        """What every image has under ``key``, (N,)."""
        return np.array([info[key] for info in self.infos])

    def table(self) -> Descriptors:
        """The same as a table that is ranked and scored; images are of a test split."""
        return Descriptors.of_infos(self.features, self.infos)


def load_model(
    cfg: Config, checkpoint: str, device: str | None = None, but_for: str | None = None
) -> BaseModel:
    """Build the model of a config in evaluation mode, with the weights of a checkpoint.

    Args:
        cfg (Config): As of :func:`mmvareid.config.load_config`.
        checkpoint (str): Path of the checkpoint; it is loaded without running code from it.
        device (str | None): Defaults to the GPU if there is one.
        but_for (str, optional): Weights whose names start so are left as they are made;
            ``'head.'`` where the identities may be others.

    Raises:
        ValueError: The checkpoint lacks weights of the model, or has them in another shape; or
            there is no such device.
    """
    use_safe_checkpoints()
    init_default_scope(cfg.get("default_scope") or "mmpretrain")
    # As MMEngine's Runner does: a config may have it beside the model.
    preprocessor = cfg.get("data_preprocessor")
    model = MODELS.build({"data_preprocessor": preprocessor, **cfg.model})
    content = load_checkpoint_safely(checkpoint, map_location="cpu")
    model.load_state_dict(match_weights(model, content, checkpoint, but_for), strict=False)
    chosen = device or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        model.to(chosen)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(
            f"device has to be one that can be used, but got {chosen}: {error}"
        ) from error
    model.eval()
    return model


@torch.no_grad()
def extract_features(
    model: BaseModel, dataloader: dict, description: str = "Features"
) -> FeatureSet:
    """Compute the features of all images of a dataloader's dataset, with a progress bar.

    Args:
        model (BaseModel): As of :func:`load_model`.
        dataloader (dict): ``cfg.test_dataloader`` or another whose sampler keeps the order.
        description (str): Text beside the progress bar.
    """
    loader = Runner.build_dataloader(dataloader)
    features = [
        torch.stack([sample.feature for sample in model.test_step(batch)]).cpu()
        for batch in track(loader, description=description)
    ]
    return FeatureSet(torch.cat(features).numpy(), dataset_infos(loader.dataset))


def inference_dataloader(cfg: Config, split: str) -> dict:
    """Return a dataloader of a split's images in their order, as the test pipeline shows them.

    Args:
        cfg (Config): As of :func:`mmvareid.config.load_config`.
        split (str): 'test' returns ``cfg.test_dataloader``; 'train' puts the training images in
            it, without augmentation, with what training knows of each, and with an error for an
            unreadable one.

    Raises:
        ValueError: ``split`` is neither.
    """
    if split not in ("train", "test"):
        raise ValueError(f"split has to be 'train' or 'test', but got {split!r}")
    loader = {**cfg.test_dataloader}
    if split == "train":
        pipeline = _packing_as(cfg.train_dataloader.dataset.get("pipeline", []), loader)
        dataset = {**cfg.train_dataloader.dataset, "pipeline": pipeline, "test_mode": True}
        loader["dataset"] = dataset
    return loader


def _packing_as(train: Sequence[dict], loader: dict) -> list[dict]:
    """Return the pipeline of a test loader, whose last step packs what that of training does too.

    A test pipeline may leave out the weights of viewpoints, and their coarse label stay alone.
    """
    *steps, pack = loader["dataset"].pipeline
    known = tuple(pack.get("algorithm_keys", ()))
    more = [key for step in train for key in step.get("algorithm_keys", ()) if key not in known]
    return [*steps, {**pack, "algorithm_keys": (*known, *more)} if more else pack]


def select_images(dataloader: dict, infos: Sequence[dict]) -> dict:
    """Return the dataloader restricted to some images, in the order of their infos.

    Images are the same if their files' and folders' names are, wherever ``data_root`` is. So two
    models can be compared on two copies of a dataset. They are looked for among all of the
    dataset's, whatever ``indices`` it has.

    Args:
        dataloader (dict): As of :func:`inference_dataloader`.
        infos (Sequence[dict]): ``img_path`` of each image.

    Raises:
        ValueError: The dataloader's dataset lacks an image.
    """
    # Of all images: `indices` replaces that of the dataset, and counts from its first image.
    dataset = DATASETS.build({**dataloader["dataset"], "pipeline": [], "indices": None})
    places = {_name(info): i for i, info in enumerate(dataset_infos(dataset))}
    missing = [info["img_path"] for info in infos if _name(info) not in places]
    if missing:
        raise ValueError(
            f"the dataset in '{dataset.data_root}' has to have the same images, but got none for "
            f"'{missing[0]}' ({len(missing)} such); set its data_root"
        )
    indices = [places[_name(info)] for info in infos]
    return {**dataloader, "dataset": {**dataloader["dataset"], "indices": indices}}


def _name(info: dict) -> tuple[str, ...]:
    """Folder and file name of an image."""
    return Path(info["img_path"]).parts[-2:]
