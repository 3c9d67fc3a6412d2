"""Viewpoints that a trained classifier tells from images."""

import contextlib
from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING

import numpy as np
import torch
from mmengine.dataset import Compose, pseudo_collate
from rich.progress import track
from torch.utils.data import DataLoader, Dataset

from mmvareid.fileio.images import UnreadableImageError, run_pipeline
from mmvareid.registry import TRANSFORMS

if TYPE_CHECKING:  # datasets read viewpoint files, and need no networks for it
    from mmpretrain.models import ImageClassifier


class _Images(Dataset):
    """What a pipeline makes of each image; None of one that is unreadable."""

    def __init__(self, paths: Sequence[str], pipeline: Sequence[dict]) -> None:
        self.paths = paths
        self.pipeline = Compose([TRANSFORMS.build(step) for step in pipeline])

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> dict | None:
        with contextlib.suppress(UnreadableImageError):
            return run_pipeline(self.pipeline, {"img_path": self.paths[index]})
        return None


@torch.no_grad()
def from_images(
    model: "ImageClassifier",
    paths: Sequence[str | PathLike],
    pipeline: Sequence[dict],
    batch_size: int = 64,
    num_workers: int = 2,
) -> np.ndarray:
    """Probabilities of viewpoints, the mean over an image and its mirror image.

    So an image and its mirror image have the same viewpoint.

    Args:
        model (ImageClassifier): In evaluation mode, as of :func:`.load_model`.
        paths (Sequence[str | PathLike]): N images.
        pipeline (Sequence[dict]): Transforms, of a config's test dataset.
        batch_size (int): Images at a time.
        num_workers (int): Processes that read images.

    Returns:
        np.ndarray: ``(N, V)`` float32; rows sum to 1, and to 0 where an image is unreadable.
    """
    views = model.head.num_classes
    probabilities = np.zeros((len(paths), views), np.float32)
    loader = DataLoader(
        _Images([str(path) for path in paths], pipeline),
        batch_size,
        num_workers=num_workers,
        collate_fn=list,
    )
    for number, samples in enumerate(track(loader, description="Viewpoints")):
        readable = [i for i, sample in enumerate(samples) if sample is not None]
        if not readable:
            continue
        batch = pseudo_collate([samples[i] for i in readable])
        inputs = model.data_preprocessor(batch)["inputs"]
        logits = torch.stack(
            [model(seen, mode="tensor") for seen in (inputs, inputs.flip(-1))]
        )  # (2, B, V)
        mean = logits.softmax(dim=-1).mean(dim=0).float().cpu().numpy()
        probabilities[np.array(readable) + number * batch_size] = mean
    return probabilities
