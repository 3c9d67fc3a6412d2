import pytest
import torch
from mmengine.dist import all_reduce

from mmvareid.models import BatchHardTriplet


def batch():
    torch.manual_seed(0)
    # Some have their positive on the other rank; the second has three that have none at all.
    labels = torch.tensor([0, 0, 1, 1, 0, 0, 2, 2, 3, 3, 1, 1, 5, 6, 7, 2])
    return torch.randn(16, 5), labels


def step_in_a_group(process, folder, share):
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/group", rank=process, world_size=2
    )
    features, labels = batch()
    mine = slice(8 * process, 8 * process + 8)
    layer = torch.nn.Linear(5, 3, bias=False)
    torch.nn.init.eye_(layer.weight)
    loss = BatchHardTriplet(across_ranks=share)(layer(features[mine]), labels[mine])
    loss.backward()
    all_reduce(layer.weight.grad, "mean")  # as DDP does
    all_reduce(loss.detach(), "mean")
    torch.save((loss.detach(), layer.weight.grad), f"{folder}/{process}.pt")
    torch.distributed.destroy_process_group()


@pytest.mark.parametrize("share", [True, False])
def test_two_processes_have_the_loss_and_the_gradient_of_one(tmp_path, share):
    torch.multiprocessing.spawn(step_in_a_group, (str(tmp_path), share), nprocs=2)
    features, labels = batch()
    layer = torch.nn.Linear(5, 3, bias=False)
    torch.nn.init.eye_(layer.weight)
    loss = BatchHardTriplet()(layer(features), labels)
    loss.backward()
    for process in (0, 1):
        found, gradient = torch.load(tmp_path / f"{process}.pt")
        alike = torch.allclose(found, loss.detach()) and torch.allclose(
            gradient, layer.weight.grad, atol=1e-6
        )
        assert alike == share  # apart, each sees only its own pairs


def test_one_process_needs_no_group():
    features, labels = batch()
    plain, shared = BatchHardTriplet(), BatchHardTriplet(across_ranks=True)
    assert plain(features, labels) == shared(features, labels)
