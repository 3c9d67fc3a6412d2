from types import SimpleNamespace

import torch
from mmengine.registry import DefaultScope
from torch import nn

from mmvareid.engine import SyncedEMAHook


def epoch(rank, folder):
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/group", rank=rank, world_size=2
    )
    model = nn.BatchNorm1d(2)
    hook = SyncedEMAHook(momentum=0.5, update_buffers=True)
    runner = SimpleNamespace(model=model, iter=0, epoch=0)
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        hook.before_run(runner)
    model.running_mean.fill_(1.0 + rank)  # each sees its own images
    hook.after_train_iter(runner, 0)
    hook.after_train_epoch(runner)
    torch.save(hook.ema_model.module.state_dict(), f"{folder}/{rank}.pt")
    torch.distributed.destroy_process_group()


def test_statistics_are_averaged_over_ranks(tmp_path):
    torch.multiprocessing.spawn(epoch, (str(tmp_path),), nprocs=2)
    one, two = (torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1))
    assert one.keys() == two.keys() and all(torch.equal(one[key], two[key]) for key in one)
    assert one["running_mean"].tolist() == [1.5, 1.5]  # the first step takes the model's
