"""Batches of P identities x N images each."""

import itertools
from collections.abc import Iterator, Sequence, Sized
from typing import Any

import numpy as np
from mmengine.dist import get_dist_info, sync_random_seed
from torch import Tensor
from torch.utils.data import Sampler

from mmvareid.registry import DATA_SAMPLERS

from .infos import dataset_infos, whole_numbers


@DATA_SAMPLERS.register_module()
class IdentitySampler(Sampler):
    """Draw batches of ``num_identities`` different people with ``num_instances`` images each.

    - Each block of ``num_identities * num_instances`` consecutive indices is a batch, a person's
      images next to each other. **The dataloader's ``batch_size`` has to be this product**; the
      sampler cannot see it.
    - In an epoch, each person's images are shuffled and cut into groups of ``num_instances``. The
      last group is filled up with other images of the person, and with repetitions where the
      person has too few. So an epoch shows (nearly) every image, and people with more images more
      often.
    - A batch draws its people without replacement, with probability in proportion to the groups
      they have left. Near the end of the epoch, people without a group left are shuffled anew
      where fewer people than the batch needs have any.
    - Under DDP the people of a step are drawn for all ranks together, so no two ranks share one.
      Every rank and epoch has ``max(1, groups // (num_identities * world_size))`` batches.
    - With ``balance_views`` a group shows the person's viewpoints as equally often as
      ``num_instances`` allows: rare ones are repeated, and images of frequent ones left out of the
      epoch, as are those of unknown viewpoint (-1), unless the person has no others.
    - The order follows from the seed and the epoch alone.

    Args:
        dataset: Any that :func:`.dataset_infos` finds labels of: MMEngine's and mmpretrain's by
            ``get_data_info(i)['gt_label']``, torchvision's by ``targets``, and ``Subset``,
            ``ConcatDataset`` and ``RepeatDataset`` of them. Or the labels themselves: a list, an
            array or a tensor (N,). ``['viewpoint']`` is the view.
        num_identities: People in a batch, on each rank.
        num_instances: Images of each.
        seed: The same on every rank; None draws one and shares it.
        balance_views: Whether to balance the viewpoints within an identity.
        labels: The identity of each sample (N,), in place of the dataset's.

    Raises:
        ValueError: If the dataset has fewer people than a step needs over all ranks, a number is
            below 1, or there are not as many labels as samples.
        TypeError: If no labels are found, or they are no whole numbers.
    """

    def __init__(
        self,
        dataset: Sized | None = None,
        num_identities: int = 16,
        num_instances: int = 4,
        seed: int | None = None,
        balance_views: bool = False,
        labels: Sequence[int] | np.ndarray | Tensor | None = None,
    ) -> None:
        for name, number in (("num_identities", num_identities), ("num_instances", num_instances)):
            if number < 1:
                raise ValueError(f"{name} has to be at least 1, but got {number}")
        self.rank, world_size = get_dist_info()
        self.num_identities = num_identities
        self.num_instances = num_instances
        self.step_identities = num_identities * world_size
        self.seed = sync_random_seed() if seed is None else seed
        self.epoch = 0

        identities = _identities(dataset, labels)
        self.views = _column(dataset, "viewpoint") if balance_views else None
        # One array of sample indices for each identity.
        order = np.argsort(identities, kind="stable")
        _, starts = np.unique(identities[order], return_index=True)
        self.images = np.split(order, starts[1:])
        if len(identities) == 0 or len(self.images) < self.step_identities:
            raise ValueError(
                "the dataset has to have num_identities * world_size = "
                f"{num_identities} * {world_size} = {self.step_identities} people or more, but got "
                f"{len(starts)}; lower train_dataloader.sampler.num_identities, and "
                "train_dataloader.batch_size to num_identities * num_instances with it, or use "
                "fewer processes"
            )
        groups = sum(-(-len(images) // num_instances) for images in self.images)
        self.num_batches = max(1, groups // self.step_identities)

    def __len__(self) -> int:
        """Return the number of indices of this rank in an epoch."""
        return self.num_batches * self.num_identities * self.num_instances

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch, from which the next order follows."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[int]:
        """Yield this rank's indices, batch after batch."""
        # All ranks make the same draws, and each takes its own people.
        rng = np.random.default_rng((self.seed, self.epoch))
        groups = [self._cut(images, rng) for images in self.images]
        left = np.array([len(group) for group in groups])
        mine = slice(self.rank * self.num_identities, (self.rank + 1) * self.num_identities)
        for _ in range(self.num_batches):
            short = self.step_identities - np.count_nonzero(left)
            if short > 0:
                for person in rng.choice(np.flatnonzero(left == 0), short, replace=False):
                    groups[person] = self._cut(self.images[person], rng)
                    left[person] = len(groups[person])
            people = _draw(left, self.step_identities, rng)
            left[people] -= 1
            batch = [groups[person].pop() for person in people]
            yield from np.concatenate(batch[mine]).tolist()

    def _cut(self, images: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
        """Shuffle one identity's images and cut them into groups of ``num_instances``."""
        if self.views is not None:
            return self._deal(images, self.views[images], rng)
        images = rng.permutation(images)
        rest = len(images) % self.num_instances
        if rest:
            # The fill starts with images of other groups; only a person with fewer images than
            # num_instances sees one twice in a group.
            images = np.resize(images, len(images) + self.num_instances - rest)
        return np.split(images, len(images) // self.num_instances)

    def _deal(
        self, images: np.ndarray, views: np.ndarray, rng: np.random.Generator
    ) -> list[np.ndarray]:
        """Make as many groups as :meth:`_cut`, each with the views in turn, in random order."""
        seen = np.unique(views)
        seen = seen[seen >= 0] if seen[-1] >= 0 else seen
        decks = [itertools.cycle(rng.permutation(images[views == view])) for view in seen]
        groups = []
        for _ in range(-(-len(images) // self.num_instances)):
            turns = np.resize(rng.permutation(len(decks)), self.num_instances)
            groups.append(np.array([next(decks[turn]) for turn in turns]))
        return groups


def _draw(weights: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """Draw ``size`` different positions, with probability in proportion to ``weights`` (K,).

    Keys of Efraimidis and Spirakis, Weighted random sampling with a reservoir, 2006: the smallest
    of exponential variables with these rates.
    """
    positive = np.flatnonzero(weights)
    keys = rng.exponential(size=len(positive)) / weights[positive]
    # Shuffled, since in the order of the keys the first rank would get the people with most groups.
    return rng.permutation(positive[np.argpartition(keys, size - 1)[:size]])


def _identities(dataset: Sized | None, labels: Any) -> np.ndarray:
    """Return the identity of each of N samples, (N,)."""
    if labels is None and isinstance(dataset, list | tuple | np.ndarray | Tensor):
        labels, dataset = dataset, None
    if labels is None:
        return _column(dataset, "gt_label")
    found = whole_numbers(labels)
    if dataset is not None and len(dataset) != len(found):
        raise ValueError(
            f"labels have to be as many as the dataset's {len(dataset)} samples, but got "
            f"{len(found)}"
        )
    return found


def _column(dataset: Sized | None, key: str) -> np.ndarray:
    if dataset is None:
        raise TypeError("IdentitySampler has to get a dataset or labels=[...], but got neither")
    try:
        return np.array([int(info[key]) for info in dataset_infos(dataset)])
    except (TypeError, KeyError) as error:
        raise TypeError(
            f"the dataset has to tell {key!r} of each sample as a whole number, but "
            f"{type(dataset).__name__} does not ({error}); use a dataset of mmvareid, or give "
            "labels=[...]"
        ) from error
