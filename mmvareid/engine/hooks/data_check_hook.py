"""Checks that data and model fit each other, before the first step."""

import logging
import os
from typing import Any

from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import ConcatDataset, DataLoader

from mmvareid.datasets import IdentitySampler, ReIDDataset, dataset_infos
from mmvareid.datasets.infos import queries_with_match
from mmvareid.engine.processes import find_launcher
from mmvareid.engine.run_config import MIXED
from mmvareid.models.batch_transforms import BatchRandomFlip
from mmvareid.models.heads.reid_head import ReIDHead
from mmvareid.registry import HOOKS

from .compile_blocks_hook import check_compile


@HOOKS.register_module()
class DataCheckHook(Hook):
    """Raise one clear error before training starts if the data cannot be trained or scored on.

    Checked are identity labels against the head's ``num_classes``, viewpoint labels against its
    ``num_views``, the batch size against the sampler's identities and instances, that no batch is
    too small for batch norm, that images are not mixed, that no two people of joined sets share a
    label, that no flip turns all-round viewpoints round, that ``compile`` and mixed precision go
    together, that some query has a match, and, by the first process, that no test image is missing
    or empty; and that processes which a launcher started are one run. On a GPU a label out of range
    would otherwise end in a device-side assertion that names neither, and validation comes after
    hours. Nothing is said of a loader that is none of PyTorch's, as other tools put in its place.
    """

    def before_run(self, runner: Runner) -> None:
        """Check that this process is not one of many that do not know of each other."""
        if runner.cfg.get("launcher") is None and not runner.distributed:
            launcher = find_launcher(runner.cfg)
            if launcher != "none":
                raise ValueError(
                    f"the environment says that {launcher} started {os.environ['WORLD_SIZE']} "
                    f"processes, which would be as many runs; set launcher={launcher!r} in the "
                    "config, or launcher='none' for a run of each"
                )

    def before_train(self, runner: Runner) -> None:
        """Check the training data against the model's head, and the validation data."""
        loader = runner.train_dataloader
        if not isinstance(loader, DataLoader):
            return
        check_compile(runner)
        check_joined(loader.dataset)
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        check_batches(loader, model)
        preprocessor = getattr(model, "data_preprocessor", None)
        check_flips(loader, preprocessor)
        check_mixing(model, preprocessor)
        infos = dataset_infos(loader.dataset)  # type: ignore[arg-type]
        check_labels(infos, getattr(model, "head", None), runner.cfg)
        if runner.val_loop is not None and isinstance(runner.val_dataloader.dataset, BaseDataset):
            infos = dataset_infos(runner.val_dataloader.dataset)
            if infos and "is_query" in infos[0]:
                check_queries(infos)
                if is_main_process():
                    check_files(infos)


def check_labels(infos: list[dict], head: nn.Module | None, cfg: Config) -> None:
    """Raise ``ValueError`` if the head, or one that it joins, has no room for a label."""
    joined = getattr(head, "heads", None)
    told: set[int | None] = set()
    for i, part in enumerate(joined or [head]):
        place = f"model.head.heads.{i}" if joined else "model.head"
        num_classes = getattr(part, "num_classes", None)
        if num_classes not in told:
            option = "num_classes" if "num_classes" in cfg else f"{place}.num_classes"
            check_range(infos, "gt_label", num_classes, "identities", option)
            told.add(num_classes)
        uses_views = getattr(part, "loss_view", None) is not None
        num_views = getattr(part, "num_views", None) if uses_views else None
        num_views = None if num_views == 1 else num_views  # then every viewpoint is the one
        hard = [info for info in infos if "viewpoint_weights" not in info]
        if hard:
            check_range(hard, "viewpoint", num_views, "viewpoints", f"{place}.num_views")
        check_weights(infos, num_views, f"{place}.num_views")


def check_joined(dataset: Any) -> None:
    """Raise ``ValueError`` if people of several sets are joined under the same labels."""
    if not isinstance(dataset, ConcatDataset):
        return
    parts = [part for part in dataset.datasets if isinstance(part, ReIDDataset)]
    roots = {f"{type(part).__name__} '{os.path.realpath(part.data_root)}'" for part in parts}
    if len(roots) > 1:
        raise ValueError(
            f"joined sets have to number their people apart, but {' and '.join(sorted(roots))} all "
            "start at 0; take type='mmvareid.ConcatReIDDataset' in place of ConcatDataset"
        )


def check_mixing(model: nn.Module, preprocessor: nn.Module | None) -> None:
    """Raise ``ValueError`` if images are mixed, whose identity a head of ours would get wrong."""
    if getattr(preprocessor, "batch_augments", None) is None:
        return
    if any(isinstance(module, ReIDHead) for module in model.modules()):
        raise ValueError(MIXED)


def check_batches(loader: DataLoader, model: nn.Module | None = None) -> None:
    """Raise ``ValueError`` if the sampler's batches are cut elsewhere, or one has a single image.

    Batch norm of descriptors has no statistics of one.
    """
    sampler, size = loader.sampler, loader.batch_size
    if isinstance(sampler, IdentitySampler):
        batch = sampler.num_identities * sampler.num_instances
        if size != batch:
            raise ValueError(
                f"batch_size has to be num_identities x num_instances = {sampler.num_identities} x "
                f"{sampler.num_instances} = {batch} of the IdentitySampler, but got {size}"
            )
    if size is None or model is None:
        return
    last = len(sampler) % size  # type: ignore[arg-type]
    single = size == 1 or (last == 1 and not loader.drop_last)
    if single and any(isinstance(module, nn.BatchNorm1d) for module in model.modules()):
        raise ValueError(
            "batches have to have two images or more for batch norm, but "
            + (
                "train_dataloader.batch_size is 1; raise it"
                if size == 1
                else f"the last of {len(sampler)} images in batches of {size} is alone; "  # type: ignore[arg-type]
                "set train_dataloader.drop_last=True"
            )
        )


def check_flips(loader: DataLoader, preprocessor: nn.Module | None) -> None:
    """Raise ``ValueError`` if whole batches are flipped, whose all-round viewpoints stay."""
    soft = getattr(loader.dataset, "soft_viewpoints", None) or {}
    transforms = getattr(preprocessor, "transforms", ())
    if soft.get("all_round") and any(isinstance(one, BatchRandomFlip) for one in transforms):
        raise ValueError(
            "images of all_round viewpoints have to be flipped in the pipeline, by RandomFlip and "
            "MirrorViewpoint, but the data_preprocessor has a BatchRandomFlip; move it"
        )


def check_range(infos: list[dict], key: str, number: int | None, what: str, option: str) -> None:
    """Raise ``ValueError`` if a label is not below ``number``; say so if identities are fewer."""
    if number is None:
        return
    values = [info.get(key, -1) for info in infos]
    names = [info.get("img_path", f"sample {i}") for i, info in enumerate(infos)]
    worst = max(range(len(infos)), key=values.__getitem__)
    needed = values[worst] + 1
    lowest = {"gt_label": 0, "viewpoint": -1}[key]
    for name, value in zip(names, values, strict=True):
        if value < lowest:
            raise ValueError(f"{key} has to be at least {lowest}, but {name} has {value}")
    if needed > number:
        raise ValueError(
            f"the training data has {needed} {what}, but the head has room for {number} "
            f"({names[worst]} has {key} {values[worst]}); set {option}={needed}"
        )
    if key == "gt_label" and needed < number:
        print_log(
            f"The head has centres for {number} {what}, but the training data has {needed}; "
            f"set {option}={needed} to leave the others out.",
            logger="current",
            level=logging.WARNING,
        )


def check_weights(infos: list[dict], num_views: int | None, option: str) -> None:
    """Raise ``ValueError`` if soft viewpoints are of another number of views than the head's."""
    sizes = {len(info["viewpoint_weights"]) for info in infos if "viewpoint_weights" in info}
    if num_views is not None and sizes - {num_views}:
        found = max(sizes)
        raise ValueError(
            f"soft viewpoints have to be of the {num_views} views of the head, but the training "
            f"data has {found}; set {option} and soft_viewpoints.num_views alike"
        )


def check_files(infos: list[dict]) -> None:
    """Raise ``ValueError`` if images to validate on are missing or empty: all have to count.

    None is read; ``tools/misc/verify_dataset.py`` does.
    """
    broken = [path for path in (info["img_path"] for info in infos) if not _has_bytes(path)]
    if broken:
        raise ValueError(
            f"every test image has to be there, but {len(broken)} of {len(infos)} are missing or "
            f"empty: {', '.join(broken[:5])}{' ...' if broken[5:] else ''}; copy them again"
        )


def _has_bytes(path: str) -> bool:
    try:
        return os.stat(path).st_size > 0
    except OSError:
        return False


def check_queries(infos: list[dict]) -> None:
    """Raise ``ValueError`` if no query has a match in another camera; say how many lack one."""
    queries = [info for info in infos if info["is_query"]]
    found = queries_with_match(infos)
    lost = [query for query, has_match in zip(queries, found, strict=True) if not has_match]
    if len(lost) == len(queries):
        raise ValueError(
            f"at least one query has to have its person in the gallery in another camera, but none "
            f"of {len(queries)} has; is there a single camera? Train without validation by "
            "--no-validate"
        )
    if lost:
        print_log(
            f"{len(lost)} of {len(queries)} queries have no match in another camera and will be "
            f"left out of the scores, such as {lost[0]['img_path']}",
            logger="current",
            level=logging.WARNING,
        )
