"""The angles between identity and viewpoint centres, epoch by epoch."""

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import IterBasedTrainLoop, Runner
from torch import Tensor

from mmvareid.datasets import dataset_infos
from mmvareid.datasets.transforms.mirror_viewpoint import MirrorViewpoint
from mmvareid.engine.sharding import whole_weights
from mmvareid.models.heads.va_head import VAHead, find_va_head
from mmvareid.registry import HOOKS
from mmvareid.viewpoint.soft import mirror_weights


@HOOKS.register_module()
class CenterAngleHook(Hook):
    """Log after each epoch how far the centres of a VAHead lie apart, in degrees.

    The scalars are ``angle/identity_view`` (W_k and its U_kv), ``angle/view_view`` (two views of
    one identity), ``angle/identity_identity`` (W_k and W_j), and their standard deviations under
    the same names with ``_std``. They go where the losses go (``vis_data/scalars.json``,
    TensorBoard); ``tools/visualization/plot_angles.py`` draws them. A viewpoint centre counts if
    training images have that identity and viewpoint; the log says how many do.

    The runtimes in ``configs/_base_`` have it. Other configs add it by::

        custom_hooks = [dict(type="mmvareid.CenterAngleHook"), ...]

    A model without viewpoint centres logs nothing.

    Args:
        max_pairs (int): Pairs of identities that are measured at most, and identities beside their
            viewpoints; from more, a sample that is the same each epoch. Defaults to 1000.
    """

    def __init__(self, max_pairs: int = 1000) -> None:
        if max_pairs < 1:
            raise ValueError(f"max_pairs has to be at least 1, but got {max_pairs}")
        self.max_pairs = max_pairs
        self.trained: Tensor | None = None  # (K, V)

    def before_train(self, runner: Runner) -> None:
        """Find the centres that have training images, and log how many do."""
        head = find_va_head(runner.model)
        if head is None or not hasattr(head, "view_weight"):
            return
        dataset = runner.train_dataloader.dataset
        steps = getattr(getattr(dataset, "pipeline", None), "transforms", ())
        mirrored = any(isinstance(step, MirrorViewpoint) for step in steps)
        infos = dataset_infos(dataset)
        self.trained = views_with_images(infos, head.num_classes, head.num_views, mirrored)
        runner.logger.info(
            f"{int(self.trained.sum())} of {self.trained.numel()} viewpoint centres have training "
            "images; angles are logged of those"
        )

    def after_train_epoch(self, runner: Runner) -> None:
        """Measure the angles and hand them to the visualizer."""
        head = find_va_head(runner.model)
        if head is not None and hasattr(head, "view_weight"):
            with whole_weights(runner.model):  # of which all processes hold a part
                if is_main_process():
                    self._measure(runner, head)

    def _measure(self, runner: Runner, head: VAHead) -> None:
        angles = center_angles(
            head.weight.detach(), head.view_weight.detach(), self.trained, self.max_pairs
        )
        scalars: dict[str, float] = {}
        for name, values in angles.items():
            if values.numel():
                scalars[f"angle/{name}"] = values.mean().item()
                scalars[f"angle/{name}_std"] = values.std(correction=0).item()
        by_epoch = not isinstance(getattr(runner, "train_loop", None), IterBasedTrainLoop)
        when = {"epoch": runner.epoch + 1} if by_epoch else {"iter": runner.iter}
        said = ", ".join(
            f"{name} {scalars[f'angle/{name}']:.1f} ± {scalars[f'angle/{name}_std']:.1f}"
            for name, values in angles.items()
            if values.numel()
        )
        ((unit, number),) = when.items()
        runner.logger.info(f"Angles of centres after {unit} {number}, in degrees: {said}")
        runner.visualizer.add_scalars({**scalars, **when}, step=runner.iter)


def views_with_images(
    infos: list[dict], num_ids: int, num_views: int, mirrored: bool = False
) -> Tensor:
    """Return which identities have images of which viewpoints, (K, V) bool.

    An image with ``viewpoint_weights`` is of every view that has a part in it, as in training, and
    where training mirrors images, ``mirrored``, of those of its mirror image too.
    """
    found = torch.zeros(num_ids, num_views, dtype=torch.bool)
    for info in infos:
        label, view = info.get("gt_label", -1), info.get("viewpoint", -1)
        weights = info.get("viewpoint_weights")
        if not 0 <= label < num_ids:
            continue
        if weights is not None and len(weights) == num_views:
            found[label] |= torch.as_tensor(weights) > 0
            if mirrored:
                found[label] |= torch.as_tensor(mirror_weights(np.asarray(weights)).copy()) > 0
        elif weights is None and 0 <= view < num_views:
            found[label, view] = True
    return found


def center_angles(
    identity_centers: Tensor,
    view_centers: Tensor,
    trained: Tensor | None = None,
    max_pairs: int = 1000,
) -> dict[str, Tensor]:
    """Return the angles between centres, in degrees, as three lists of unequal length.

    Args:
        identity_centers (Tensor): W, (K, D).
        view_centers (Tensor): U, (K, V, D).
        trained (Tensor | None): (K, V) bool, the viewpoint centres that count. None takes all.
        max_pairs (int): Pairs of identities at most, and identities of the first two lists.

    Returns:
        dict: ``identity_view``, each W_k with its U_kv; ``view_view``, each U_kv with U_kv', v <
        v'; ``identity_identity``, each W_k with W_j, k < j, or a sample of such pairs.
    """
    num_ids, num_views = view_centers.shape[:2]
    if trained is None:
        trained = torch.ones(num_ids, num_views, dtype=torch.bool)
    chosen = some_identities(num_ids, max_pairs)
    trained = trained[chosen]
    w = unit_vectors(identity_centers[chosen])
    u = unit_vectors(view_centers[chosen])
    first, second = torch.triu_indices(num_views, num_views, offset=1)
    left, right = identity_pairs(num_ids, max_pairs)
    cosines = {
        "identity_view": torch.einsum("kd,kvd->kv", w, u)[trained],
        "view_view": (u[:, first] * u[:, second]).sum(2)[trained[:, first] & trained[:, second]],
        "identity_identity": (
            unit_vectors(identity_centers[left]) * unit_vectors(identity_centers[right])
        ).sum(1),
    }
    return {name: cos.clamp(-1, 1).acos().rad2deg() for name, cos in cosines.items()}


def unit_vectors(centers: Tensor) -> Tensor:
    """Return centres, (..., D), at length 1, as float64 on the CPU."""
    return F.normalize(centers.double().cpu(), dim=-1)


def some_identities(num_ids: int, number: int) -> Tensor:
    """Return all identities, (N,), or ``number`` of them, seeded."""
    if num_ids <= number:
        return torch.arange(num_ids)
    return torch.randperm(num_ids, generator=torch.Generator().manual_seed(0))[:number]


def identity_pairs(num_ids: int, max_pairs: int) -> Tensor:
    """Return all pairs of different identities, (2, N), or ``max_pairs`` of them, seeded."""
    if num_ids * (num_ids - 1) // 2 <= max_pairs:
        return torch.triu_indices(num_ids, num_ids, offset=1)
    generator = torch.Generator().manual_seed(0)
    left = torch.randint(num_ids, (max_pairs,), generator=generator)
    step = torch.randint(1, num_ids, (max_pairs,), generator=generator)
    return torch.stack([left, (left + step) % num_ids])
