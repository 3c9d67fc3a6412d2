"""Pixels as they are decoded, one array for a whole batch."""

from collections.abc import Sequence
from typing import Any

import mmcv
import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmpretrain.datasets import PackInputs

from mmvareid.config.walk import kind
from mmvareid.registry import FUNCTIONS, TRANSFORMS


@TRANSFORMS.register_module()
class DecodeImage(BaseTransform):
    """Decode what the dataset has read to see that it is whole; ``LoadImageFromFile`` reads again.

    Our datasets give ``img_bytes``; ``img`` becomes (H, W, 3) uint8 BGR.

    Raises:
        KeyError: The dataset gives no ``img_bytes``.
    """

    def transform(self, results: dict) -> dict:
        """Replace ``img_bytes`` by ``img``."""
        if "img_bytes" not in results:
            raise KeyError(
                "DecodeImage needs img_bytes, which mmvareid's datasets give, but got "
                f"{', '.join(results)}; use LoadImageFromFile"
            )
        results["img"] = image = mmcv.imfrombytes(results.pop("img_bytes"))
        results["img_shape"] = results["ori_shape"] = image.shape[:2]
        return results


@TRANSFORMS.register_module()
class PackImage(PackInputs):
    """``PackInputs`` that leaves pixels as (H, W, 3) uint8, for :func:`collate_images`.

    Bringing the channels to the front costs an image as much as decoding it; the device does it
    for the batch.
    """

    @staticmethod
    def format_input(input_: np.ndarray) -> np.ndarray:
        """Return the image itself."""
        return input_


def plain_steps(pipeline: Sequence[dict]) -> list[dict]:
    """Return the steps of a pipeline with mmpretrain's packing in place of ours."""
    return [
        {**step, "type": "PackInputs"} if kind(step) == "PackImage" else step for step in pipeline
    ]


def plain_packing(loader: dict) -> dict:
    """Return a dataloader's config with mmpretrain's packing in place of ours.

    For those who look at single images, (3, H, W), or at several of one sample.

    Args:
        loader (dict): A ``dataset`` with a ``pipeline``, and maybe ``collate_fn``.
    """
    pipeline = plain_steps(loader["dataset"]["pipeline"])
    plain = {**loader, "dataset": {**loader["dataset"], "pipeline": pipeline}}
    if kind(loader.get("collate_fn")) == "collate_images":
        del plain["collate_fn"]
    return plain


@FUNCTIONS.register_module()
def collate_images(samples: Sequence[dict]) -> dict[str, Any]:
    """Make a batch of samples of :class:`PackImage`.

    It leaves a worker as one tensor.

    Returns:
        dict: ``inputs`` (B, 3, H, W) uint8, whose memory is (B, H, W, 3), and ``data_samples``.

    Raises:
        ValueError: The images differ in size.
    """
    images = [sample["inputs"] for sample in samples]
    shape = (len(images), *images[0].shape)
    batch = torch.empty(shape, dtype=torch.uint8)
    pixels = batch.numpy()
    for i, image in enumerate(images):
        if image.shape != shape[1:]:
            raise ValueError(
                f"images of a batch have to be of one size, but got {image.shape} beside "
                f"{shape[1:]}; put Resize into the pipeline"
            )
        pixels[i] = image
    return {
        "inputs": batch.permute(0, 3, 1, 2),
        "data_samples": [sample["data_samples"] for sample in samples],
    }
