from collections import Counter

import mmpretrain.datasets as pretrained
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mmengine.dataset import ConcatDataset, RepeatDataset
from torch.utils.data import ConcatDataset as TorchConcat
from torch.utils.data import DataLoader, Subset
from torchvision import datasets

from mmvareid.datasets import IdentitySampler, Market1501, identity_sampler
from mmvareid.registry import DATA_SAMPLERS


class Labels:
    """A dataset of nothing but identities: ``counts[i]`` samples of person i."""

    def __init__(self, counts, seed=0):
        self.labels = np.random.default_rng(seed).permutation(np.repeat(range(len(counts)), counts))

    def __len__(self):
        return len(self.labels)

    def get_data_info(self, index):
        return {"gt_label": self.labels[index]}


def samplers(dataset, world_size, **kwargs):
    """One sampler for each rank."""
    made = []
    for rank in range(world_size):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(identity_sampler, "get_dist_info", lambda r=rank: (r, world_size))
            made.append(IdentitySampler(dataset, **kwargs))
    return made


@settings(max_examples=150)
@given(
    counts=st.lists(st.integers(1, 13), min_size=6, max_size=20),
    identities=st.integers(1, 2),
    instances=st.integers(1, 5),
    world_size=st.integers(1, 3),
    seed=st.integers(0, 2**31 - 1),
    epoch=st.integers(0, 300),
)
def test_every_batch_of_every_rank(counts, identities, instances, world_size, seed, epoch):
    dataset = Labels(counts)
    ranks = samplers(
        dataset, world_size, num_identities=identities, num_instances=instances, seed=seed
    )
    for sampler in ranks:
        sampler.set_epoch(epoch)
    orders = [list(sampler) for sampler in ranks]

    groups = sum(int(np.ceil(count / instances)) for count in counts)
    batches = max(1, groups // (identities * world_size))
    assert [len(order) for order in orders] == [batches * identities * instances] * world_size
    assert [len(sampler) for sampler in ranks] == [len(order) for order in orders]

    # step, rank, person of the batch, image
    steps = np.array(orders).reshape(world_size, batches, identities, instances).swapaxes(0, 1)
    for step in steps:
        people = []
        for group in step.reshape(-1, instances):
            labels = set(dataset.labels[group])
            assert len(labels) == 1  # one person, images next to each other
            people.extend(labels)
            # As many different images as the person has.
            assert len(set(group)) == min(instances, counts[people[-1]])
        assert len(set(people)) == identities * world_size  # nobody twice, on any rank


def test_an_epoch_shows_nearly_every_image():
    dataset = Labels([8] * 6)
    sampler = IdentitySampler(dataset, num_identities=2, num_instances=4, seed=3)
    # 12 groups in 6 batches of 2: all of them, unless the last batches run short of people.
    seen = Counter(sampler)
    assert len(sampler) == 48
    assert sum(count == 1 for count in seen.values()) >= 40


def test_people_with_more_images_are_shown_more_often():
    dataset = Labels([40, 4, 4, 4, 4, 4])
    sampler = IdentitySampler(dataset, num_identities=2, num_instances=4, seed=0)
    shown = Counter(dataset.labels[list(sampler)])
    assert shown[0] > 3 * max(shown[person] for person in range(1, 6))


def test_no_rank_gets_the_large_identities():
    dataset = Labels([40] * 4 + [4] * 40)
    shown = [Counter(), Counter()]
    for epoch in range(30):
        for rank, sampler in enumerate(
            samplers(dataset, 2, num_identities=2, num_instances=4, seed=0)
        ):
            sampler.set_epoch(epoch)
            shown[rank].update(dataset.labels[list(sampler)] < 4)
    shares = [counter[True] / counter.total() for counter in shown]
    assert abs(shares[0] - shares[1]) < 0.05


def test_draw_is_in_proportion_to_the_weights():
    rng = np.random.default_rng(0)
    weights = np.array([1, 2, 0, 5])
    first = Counter(int(identity_sampler._draw(weights, 1, rng)[0]) for _ in range(8000))
    shares = np.array([first[i] for i in range(4)]) / 8000
    assert np.allclose(shares, weights / 8, atol=0.02)


def test_order_follows_from_seed_and_epoch():
    dataset = Labels([5, 6, 7, 8, 9])

    def order(seed, epoch):
        sampler = IdentitySampler(dataset, num_identities=2, num_instances=2, seed=seed)
        sampler.set_epoch(epoch)
        return list(sampler)

    assert order(1, 4) == order(1, 4)
    orders = [order(seed, epoch) for seed in range(3) for epoch in range(3)]
    assert len({tuple(o) for o in orders}) == 9  # seed 0, epoch 1 is not seed 1, epoch 0


def test_too_few_people():
    with pytest.raises(
        ValueError,
        match=r"16 \* 1 = 16 people or more, but got 3; lower .*num_identities, and .*batch_size",
    ):
        IdentitySampler(Labels([4, 4, 4]))
    with pytest.raises(ValueError, match=r"2 \* 3 = 6 people or more, but got 5"):
        samplers(Labels([4] * 5), 3, num_identities=2)
    with pytest.raises(ValueError, match="but got 0"):
        IdentitySampler(Labels([]), num_identities=1)


@pytest.mark.parametrize("name", ["num_identities", "num_instances"])
def test_numbers_below_one(name):
    with pytest.raises(ValueError, match=f"{name} has to be at least 1, but got 0"):
        IdentitySampler(Labels([4, 4]), **{name: 0})


def test_dataset_without_labels():
    bare = type("Bare", (), {"__len__": lambda self: 3, "get_data_info": lambda self, i: {}})
    with pytest.raises(TypeError, match=r"tell 'gt_label' .*Bare does not .*or give labels="):
        IdentitySampler(bare())
    nothing = type("Nothing", (), {"__len__": lambda self: 3})
    with pytest.raises(
        TypeError, match=r"Nothing has to have get_data_info\(i\), targets or labels"
    ):
        IdentitySampler(nothing())
    with pytest.raises(TypeError, match="has to get a dataset or labels"):
        IdentitySampler()


class Pictures(datasets.VisionDataset):
    """As torchvision's: ``targets``, and no ``get_data_info``."""

    def __init__(self, targets):
        super().__init__("nowhere")
        self.targets = targets

    def __len__(self):
        return len(self.targets)


def four_views():
    """The labels of 24 samples of 6 people, and all that has them."""
    labels = np.arange(24) % 6
    plain = Pictures(labels.tolist())
    mmpretrains = pretrained.CustomDataset(
        data_root="nowhere", pipeline=[], lazy_init=True, serialize_data=False
    )
    mmpretrains.data_list = [{"gt_label": label} for label in labels]
    mmpretrains._fully_initialized = True
    half = Pictures(labels[:12])
    return labels, {
        "list": labels.tolist(),
        "tuple": tuple(labels),
        "int32": labels.astype(np.int32),
        "tensor": torch.from_numpy(labels),
        "targets": plain,
        "tensor targets": Pictures(torch.from_numpy(labels)),
        "mmpretrain": mmpretrains,
        "subset": Subset(Pictures([9, *labels, 9]), range(1, 25)),
        "torch concat": TorchConcat([half, half]),
        "concat": ConcatDataset([mmpretrains]),
        "repeated": RepeatDataset(mmpretrains, 1),
        "repeated pictures": repeated(half, 2),
        "subset of repeated": Subset(repeated(half, 3), range(24)),
    }


def repeated(dataset, times):
    """MMEngine's wrapper, which it makes itself of its own datasets alone."""
    made = RepeatDataset.__new__(RepeatDataset)
    made.dataset, made.times, made._ori_len = dataset, times, len(dataset)
    made._fully_initialized = True
    return made


@pytest.mark.parametrize("kind", four_views()[1])
def test_anything_with_labels(kind):
    labels, all_kinds = four_views()
    order = list(IdentitySampler(all_kinds[kind], 2, 3, seed=5))
    assert order == list(IdentitySampler(labels=labels, num_identities=2, num_instances=3, seed=5))
    groups = labels[order].reshape(-1, 3)
    assert (groups == groups[:, :1]).all() and len(order) == 36


def test_given_labels_are_taken_in_place_of_the_datasets():
    dataset = Pictures([0] * 12)
    sampler = IdentitySampler(dataset, 2, 2, labels=[0, 1] * 6)
    assert len({i % 2 for i in list(sampler)[:4]}) == 2
    with pytest.raises(ValueError, match="as many as the dataset's 12 samples, but got 2"):
        IdentitySampler(dataset, 2, 2, labels=[0, 1])
    for wrong in ([0.0, 1.0], [[0, 1]], ["a", "b"], torch.tensor([True, False])):
        with pytest.raises(TypeError, match=r"whole numbers of shape \(N,\), but got"):
            IdentitySampler(labels=wrong, num_identities=1)


def test_in_a_dataloader(market_root):
    dataset = Market1501(market_root)
    sampler = DATA_SAMPLERS.build(
        {
            "type": "mmvareid.IdentitySampler",
            "dataset": ConcatDataset([dataset]),
            "num_identities": 2,
            "num_instances": 3,
        }
    )
    batches = list(DataLoader(dataset, batch_size=6, sampler=sampler, collate_fn=list))
    assert len(batches) == len(sampler) // 6 == 2  # 2 + 2 + 1 groups, two a batch
    for batch in batches:
        labels = [sample["gt_label"] for sample in batch]
        assert len(set(labels[:3])) == len(set(labels[3:])) == 1
        assert labels[0] != labels[3]


class Views(Labels):
    """Person 0 has 8 images from the front, 2 from the side; others are seen from three views."""

    def __init__(self):
        super().__init__([10, 9, 9, 4])
        self.views = {i: k % 3 for person in (1, 2, 3) for k, i in enumerate(self.of(person))}
        self.views |= {i: int(k >= 8) for k, i in enumerate(self.of(0))}

    def of(self, person):
        return np.flatnonzero(self.labels == person).tolist()

    def get_data_info(self, index):
        return {"gt_label": self.labels[index], "viewpoint": self.views[index]}


@pytest.mark.parametrize("instances", [2, 3, 4, 7])
def test_balanced_views(instances):
    dataset = Views()
    sampler = IdentitySampler(dataset, 2, instances, balance_views=True, seed=1)
    plain = IdentitySampler(dataset, 2, instances, seed=1)
    assert len(sampler) == len(plain)
    for epoch in range(5):
        sampler.set_epoch(epoch)
        groups = np.array(list(sampler)).reshape(-1, instances)
        for group in groups:
            assert len({dataset.labels[i] for i in group}) == 1
            has = {dataset.views[i] for i in dataset.of(dataset.labels[group[0]])}
            counts = [sum(dataset.views[i] == view for i in group) for view in has]
            assert max(counts) - min(counts) <= 1
    assert list(sampler) == list(sampler)


def test_a_view_is_dealt_out_before_it_repeats():
    sampler = IdentitySampler(Views(), 4, 4, balance_views=True, seed=0)
    groups = sampler._cut(np.array(Views().of(0)), np.random.default_rng(0))
    fronts = [i for group in groups for i in group if Views().views[i] == 0]
    assert len(fronts) == len(set(fronts)) == 6  # two of four in each of three groups


def test_balancing_needs_viewpoints():
    with pytest.raises(TypeError, match="tell 'viewpoint' of each sample"):
        IdentitySampler(Labels([4, 4]), 2, 2, balance_views=True)


def test_unknown_views_are_shown_only_where_a_person_has_no_other():
    dataset = Views()
    dataset.views |= dict.fromkeys(dataset.of(1)[:4], -1) | dict.fromkeys(dataset.of(3), -1)
    sampler = IdentitySampler(dataset, 4, 4, balance_views=True, seed=0)
    shown = {(int(dataset.labels[i]), dataset.views[i]) for i in sampler}
    assert (1, -1) not in shown and (3, -1) in shown
