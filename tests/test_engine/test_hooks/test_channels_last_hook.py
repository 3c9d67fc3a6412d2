from types import SimpleNamespace

import torch
from mmengine.model import MMDistributedDataParallel
from torch import nn

from mmvareid.engine import ChannelsLastHook


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, images):
        return self.conv(images).square().mean()


def images():
    torch.manual_seed(1)
    return torch.randn(4, 3, 8, 8)


def wrap(config, model):
    return MMDistributedDataParallel(model, device_ids=None)


def first_step(rank, folder):
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/group", rank=rank, world_size=2
    )
    runner = SimpleNamespace(model=wrap(None, Net()), cfg={}, wrap_model=wrap)
    ChannelsLastHook().before_run(runner)
    runner.model(images()[2 * rank : 2 * rank + 2]).backward()
    weight = runner.model.module.conv.weight
    assert weight.is_contiguous(memory_format=torch.channels_last)
    torch.save(weight.grad, f"{folder}/{rank}.pt")
    torch.distributed.destroy_process_group()


def test_the_first_gradients_of_two_processes_are_those_of_one(tmp_path):
    torch.multiprocessing.spawn(first_step, (str(tmp_path),), nprocs=2)
    net = Net()
    net(images()).backward()
    for rank in (0, 1):
        torch.testing.assert_close(torch.load(tmp_path / f"{rank}.pt"), net.conv.weight.grad)


def test_one_process_needs_no_wrapping():
    runner = SimpleNamespace(model=Net())
    ChannelsLastHook().before_run(runner)
    assert runner.model.conv.weight.is_contiguous(memory_format=torch.channels_last)
