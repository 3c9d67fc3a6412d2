"""Checks that data and model fit each other, before the first step."""

import logging
import os

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import DataLoader

from mmvareid.datasets import IdentitySampler, ReIDDataset, dataset_infos
from mmvareid.datasets.infos import queries_with_match
from mmvareid.models.batch_transforms import BatchRandomFlip
from mmvareid.registry import HOOKS

from .compile_blocks_hook import check_compile


@HOOKS.register_module()
class DataCheckHook(Hook):
    """Raise one clear error before training starts if the data cannot be trained or scored on.

    Checked are identity labels against the head's ``num_classes``, viewpoint labels against its
    ``num_views``, the batch size against the sampler's identities and instances, that no
    flip turns all-round viewpoints round, that ``compile`` and mixed precision go together, that
    some query has a match, and, by the first process, that no test image is missing or empty. On a
    GPU a label out of range would otherwise end in a device-side assertion that names neither, and
    validation comes after hours.
    """

    def before_train(self, runner: Runner) -> None:
        """Check the training data against the model's head, and the validation data."""
        check_compile(runner)
        check_batches(runner.train_dataloader)
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        check_flips(runner.train_dataloader, getattr(model, "data_preprocessor", None))
        head = getattr(model, "head", None)
        infos = dataset_infos(runner.train_dataloader.dataset)
        joined = getattr(head, "heads", None)
        classes = {getattr(part, "num_classes", None) for part in joined or [head]}
        for num_classes in classes:
            check_range(infos, "gt_label", num_classes, "identities", "num_classes")
        for i, part in enumerate(joined or [head]):
            uses_views = getattr(part, "loss_view", None) is not None
            num_views = getattr(part, "num_views", None) if uses_views else None
            num_views = None if num_views == 1 else num_views  # then every viewpoint is the one
            option = f"model.head.heads.{i}.num_views" if joined else "model.head.num_views"
            hard = [info for info in infos if "viewpoint_weights" not in info]
            if hard:
                check_range(hard, "viewpoint", num_views, "viewpoints", option)
            check_weights(infos, num_views, option)
        if runner.val_loop is not None and isinstance(runner.val_dataloader.dataset, ReIDDataset):
            infos = dataset_infos(runner.val_dataloader.dataset)
            check_queries(infos)
            if is_main_process():
                check_files(infos)


def check_batches(loader: DataLoader) -> None:
    """Raise ``ValueError`` if the loader would cut the sampler's batches elsewhere."""
    sampler = loader.sampler
    if not isinstance(sampler, IdentitySampler):
        return
    batch = sampler.num_identities * sampler.num_instances
    if loader.batch_size != batch:
        raise ValueError(
            f"batch_size has to be num_identities x num_instances = {sampler.num_identities} x "
            f"{sampler.num_instances} = {batch} of the IdentitySampler, but got "
            f"{loader.batch_size}"
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
    worst = max(infos, key=lambda info: info.get(key, -1))
    needed = worst.get(key, -1) + 1
    lowest = {"gt_label": 0, "viewpoint": -1}[key]
    for info in infos:
        if info.get(key, lowest) < lowest:
            raise ValueError(
                f"{key} has to be at least {lowest}, but {info['img_path']} has {info[key]}"
            )
    if needed > number:
        raise ValueError(
            f"the training data has {needed} {what}, but the head has room for {number} "
            f"({worst['img_path']} has {key} {worst[key]}); set {option}={needed}"
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
