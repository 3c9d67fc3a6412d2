"""From pictures to descriptors."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from mmcv.transforms import Compose
from mmengine.config import Config
from mmengine.registry import TRANSFORMS, DefaultScope
from rich.progress import track
from torch import Tensor

from mmvareid.config import load_config
from mmvareid.config.walk import kind
from mmvareid.datasets.transforms.uint8_batch import plain_steps
from mmvareid.fileio.image_paths import expand
from mmvareid.fileio.images import UnreadableImageError, read_image

from .features import load_model

T = TypeVar("T")

_TRAINING = {"init_cfg", "with_cp", "frozen_stages", "norm_eval"}
_LOADERS, _PACKERS = ("LoadImageFromFile", "DecodeImage"), ("PackInputs", "PackImage")


class ReIDInferencer:
    """Turn pictures of people into unit descriptors; needs no viewpoint and no camera.

    >>> inferencer = ReIDInferencer("va_reid/va-reid_resnet50_market1501", "epoch_200.pth")
    >>> inferencer("people/").shape  # doctest: +SKIP
    (1203, 2048)

    Args:
        config (str | PathLike | Config): A config's file, the name of one of the package, see
            :func:`mmvareid.config.find_config`, or a config. Its test pipeline is used.
        weights (str): A checkpoint, loaded without running code from it. Centres of identities
            are not used and may be of any number.
        device (str | None): Defaults to the GPU if there is one.
        batch_size (int): Pictures at a time. Defaults to 64.
        flip (bool): Average with the mirror image, for twice the time.
        amp (bool): Compute in 16 bits where the device is faster so.
        progress (bool): Show a bar where there is more than one batch.

    Raises:
        FileNotFoundError: The config or the checkpoint is not there.
        ValueError: The checkpoint is of another model, or would run code; the config has no test
            pipeline, or one that loads pictures in a way of its own.
    """

    def __init__(
        self,
        config: str | os.PathLike | Config,
        weights: str | os.PathLike,
        device: str | None = None,
        batch_size: int = 64,
        flip: bool = False,
        amp: bool = False,
        progress: bool = True,
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size has to be at least 1, but got {batch_size}")
        cfg = config if isinstance(config, Config) else load_config(os.fspath(config))
        steps = _steps_after_loading(cfg)
        self.model = load_model(cfg, os.fspath(weights), device, but_for="head.")
        self.device = next(self.model.parameters()).device
        with DefaultScope.overwrite_default_scope(cfg.get("default_scope") or "mmpretrain"):
            self.pipeline: Callable[[dict], dict] = Compose([TRANSFORMS.build(s) for s in steps])
        self.batch_size, self.flip, self.amp, self.progress = batch_size, flip, amp, progress
        seen = [step for step in steps if kind(step) not in _PACKERS]
        made_of = [_without_training(cfg.model.get(part)) for part in ("type", "backbone", "neck")]
        made_of += [seen, getattr(self.model.data_preprocessor, "to_rgb", None)]
        self._made_of = json.dumps(made_of, sort_keys=True, default=str)  # tuples as lists

    @property
    def fingerprint(self) -> str:
        """16 hex digits of the network, its weights and what is done to a picture before them."""
        digest = hashlib.sha256(f"{self._made_of} flip={self.flip}".encode())
        # Buffers that are not saved, such as the mean of pixels, are not in the state dict.
        weights = {**dict(self.model.named_buffers()), **self.model.state_dict()}
        for name, weight in sorted(weights.items()):
            if not name.startswith("head."):
                digest.update(name.encode())
                digest.update(weight.cpu().reshape(-1).view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()[:16]

    def __call__(self, images: Any, skip_unreadable: bool = False) -> np.ndarray:
        """Return unit descriptors (N, D), float32.

        Args:
            images: A path, a folder with what is below it (in the order of :func:`list_images`), an
                array (H, W, 3) uint8 BGR, a batch (N, H, W, 3), or a sequence of paths and arrays.
            skip_unreadable (bool): Whether a picture that does not decode makes a row of NaN. By
                default it is an error.

        Raises:
            UnreadableImageError: A picture is missing, cut off, no picture or too large.
            TypeError: An array is of another shape or type.
            ValueError: There is no picture, or the model gives no unit descriptors.
        """
        sources = expand(images)
        if not len(sources):
            raise ValueError("images have to be at least one, but got none")
        starts = range(0, len(sources), self.batch_size)
        batches = (sources[start : start + self.batch_size] for start in starts)
        bar = track(
            batches,
            "Descriptors",
            total=len(starts),
            disable=not self.progress or len(starts) == 1,
        )

        def load(source: Any) -> Tensor | None:
            try:
                return self.pipeline({"img": read_image(source)})["inputs"]
            except UnreadableImageError:
                if skip_unreadable:
                    return None
                raise

        with ThreadPoolExecutor() as pool:  # OpenCV decodes outside Python's lock
            loading = (pool.map(load, list(batch)) for batch in bar)
            found = [self._describe(list(loaded)) for loaded in _one_ahead(loading)]
        if all(np.isnan(part).all() for part in found):
            raise UnreadableImageError(f"none of {len(sources)} pictures could be read")
        width = max(part.shape[1] for part in found)
        return np.concatenate([np.broadcast_to(part, (len(part), width)) for part in found])

    @torch.inference_mode()
    def _describe(self, loaded: Sequence[Tensor | None]) -> np.ndarray:
        """Return descriptors of a batch, (B, D); (B, 1) of NaN where none could be read."""
        rows = [i for i, image in enumerate(loaded) if image is not None]
        if not rows:
            return np.full((len(loaded), 1), np.nan, np.float32)
        inputs = self.model.data_preprocessor({"inputs": [loaded[i] for i in rows]})["inputs"]
        with torch.autocast(self.device.type, enabled=self.amp):
            plain = features = self.model(inputs, mode="tensor")
            if self.flip:
                features = F.normalize(plain + self.model(inputs.flip(-1), mode="tensor"), dim=1)
        for checked in (plain, features):  # when all is asked of the device, as it is waited for
            _check_unit_length(checked)
        described = np.full((len(loaded), features.shape[1]), np.nan, np.float32)
        described[rows] = features.float().cpu().numpy()
        return described


def _one_ahead(items: Iterable[T]) -> Iterator[T]:
    """Yield items when the next one has been made, so that it is loaded in the meantime."""
    waiting = None
    for item in items:
        if waiting is not None:
            yield waiting
        waiting = item
    if waiting is not None:
        yield waiting


def _steps_after_loading(cfg: Config) -> list[dict]:
    """Return the test pipeline but for the step that reads a file."""
    try:
        pipeline, _ = cfg.test_dataloader.dataset.pipeline, cfg.model.backbone
    except AttributeError as error:
        raise ValueError(
            f"the config {cfg.filename} has to have model and test_dataloader.dataset.pipeline, "
            f"but: {error}"
        ) from error
    for step in pipeline:
        if kind(step) in _LOADERS and len(step) > 1:
            raise ValueError(
                f"the test pipeline has to load pictures by {kind(step)} without arguments, but "
                f"the config {cfg.filename} has {dict(step)}"
            )
    return [step for step in plain_steps(pipeline) if kind(step) not in _LOADERS]


def _without_training(part: Any) -> Any:
    """What a network is made of, without how it was trained."""
    if isinstance(part, dict):
        kept = part.keys() - _TRAINING
        return {key: _without_training(part[key]) for key in kept}
    return [*map(_without_training, part)] if isinstance(part, list | tuple) else part


def _check_unit_length(features: Tensor) -> None:
    lengths = features.float().norm(dim=1)
    if not bool((lengths - 1).abs().max() < 0.01):  # a NaN is not less either
        raise ValueError(
            "the model has to give descriptors of unit length, but their lengths are from "
            f"{lengths.min():.3g} to {lengths.max():.3g}; is it trained, is its head one of "
            "re-ID, and does it bear 16 bits?"
        )
