"""Checks that data and model fit each other, before the first step."""

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from mmvareid.datasets import IdentitySampler
from mmvareid.registry import HOOKS


@HOOKS.register_module()
class DataCheckHook(Hook):
    """Raise one clear error before training starts if the data cannot be trained on.

    Checked are identity labels against the head's ``num_classes``, viewpoint labels against its
    ``num_views``, and the batch size against the sampler's identities and instances. On a GPU a
    label out of range would end in a device-side assertion that names neither.
    """

    def before_train(self, runner: Runner) -> None:
        """Check the training data against the model's head."""
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        loader = runner.train_dataloader
        check_batches(loader)
        infos = [loader.dataset.get_data_info(i) for i in range(len(loader.dataset))]
        head = getattr(model, "head", None)
        check_range(infos, "gt_label", getattr(head, "num_classes", None), "identities")
        check_range(infos, "viewpoint", getattr(head, "num_views", None), "viewpoints")


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


def check_range(infos: list[dict], key: str, number: int | None, what: str) -> None:
    """Raise ``ValueError`` if a label is not below ``number``; say so if many go unused."""
    if number is None or not infos:
        return
    worst = max(infos, key=lambda info: info.get(key, -1))
    needed = worst.get(key, -1) + 1
    option = {"gt_label": "model.head.num_classes", "viewpoint": "model.head.num_views"}[key]
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
            level=30,
        )
