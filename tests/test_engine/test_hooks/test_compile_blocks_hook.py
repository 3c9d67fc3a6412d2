import copy
from types import SimpleNamespace

import pytest
import torch
from mmengine.model import MMDistributedDataParallel
from mmengine.optim import AmpOptimWrapper, OptimWrapper
from mmengine.registry import DefaultScope
from mmpretrain.structures import DataSample
from torch import nn

from mmvareid.engine.hooks import compile_blocks_hook
from mmvareid.engine.hooks.compile_blocks_hook import CompileBlocksHook, check_compile
from mmvareid.models import compile_blocks
from mmvareid.registry import MODELS

PEOPLE = 3
TINY = dict(
    type="ImageClassifier",
    backbone=dict(type="ResNet", depth=18, stem_channels=8, base_channels=8),
    neck=dict(type="mmvareid.EmbeddingNeck", in_channels=64, out_channels=16),
    head=dict(type="mmvareid.VAHead", in_channels=16, num_classes=PEOPLE),
)
DEEP = dict(
    backbone=dict(
        type="SEResNeXt", depth=50, stem_channels=8, base_channels=8, groups=2, width_per_group=4
    ),
    neck=dict(type="mmvareid.EmbeddingNeck", in_channels=256, out_channels=16),
)
OTHERS = {
    "TransformerEncoderLayer": dict(type="VisionTransformer", arch="deit-t", img_size=32),
    "SwinBlock": dict(type="SwinTransformer", arch="tiny", img_size=32, window_size=1),
    "ConvNeXtBlock": dict(type="ConvNeXt", arch="atto"),
}


def build(**changes):
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        return MODELS.build(copy.deepcopy(TINY) | changes).train()


def losses_of(model, **low):
    """The losses of one batch, and the sum of all gradients' sizes."""
    torch.manual_seed(1)
    images = torch.randn(6, 3, 32, 16)
    samples = [DataSample().set_gt_label(i // 2) for i in range(6)]
    for i, sample in enumerate(samples):
        sample.set_field(i % 4 - 1, "viewpoint")
    with torch.autocast("cpu", torch.bfloat16, **low):
        losses = model(images, samples, mode="loss")
    sum(losses.values()).backward()
    size = sum(p.grad.float().abs().sum() for p in model.parameters() if p.grad is not None)
    return {name: loss.item() for name, loss in losses.items()} | {"gradients": size.item()}


class Graphs:
    """A backend that counts what it is given, and runs it as it is."""

    def __init__(self):
        self.number = 0

    def __call__(self, graph, inputs):
        self.number += 1
        return graph


@pytest.mark.parametrize(("low", "with_cp"), [(False, False), (True, True)])
def test_losses_are_those_of_the_written_code(low, with_cp):
    backbone = TINY["backbone"] | dict(with_cp=with_cp)
    model, names = build(backbone=backbone), [*build().state_dict()]
    expected = losses_of(model, enabled=low)
    model = build(backbone=backbone)
    compile_blocks(model, backend="aot_eager")
    assert losses_of(model, enabled=low) == pytest.approx(expected, rel=2e-3 if low else 1e-5)
    assert [*model.state_dict()] == names


def test_one_graph_for_all_blocks_of_a_shape():
    torch._dynamo.reset()
    model, graphs = build(**DEEP), Graphs()
    compiled = compile_blocks(model, losses=False, backend=graphs)
    losses_of(model)
    losses_of(model)
    assert len(compiled) == 16 and graphs.number == 8  # the first of each stage, and the others
    torch._dynamo.reset()
    model, graphs = build(**DEEP), Graphs()
    assert len(compile_blocks(model, backend=graphs)) == 20
    losses_of(model)
    assert graphs.number == 12  # the neck and three losses, in one piece each


@pytest.mark.parametrize("block", OTHERS)
def test_blocks_of_other_networks_by_name(block):
    torch._dynamo.reset()
    model = MODELS.build(OTHERS[block])
    graphs = Graphs()
    whole = nn.ModuleDict({"backbone": model})
    compiled = compile_blocks(whole, [block], backend=graphs)
    model(torch.randn(2, 3, 32, 32))
    assert len(compiled) >= 12 and 1 <= graphs.number <= len(compiled)


def test_a_network_without_such_blocks():
    with pytest.raises(ValueError, match="SEResNeXt repeats, but it has no Block; .*SEBottleneck"):
        compile_blocks(build(**DEEP), ["Block"])


def make_runner(model, **cfg):
    return SimpleNamespace(model=model, cfg=cfg)


def test_validation_runs_the_written_code():
    model, hook = build(), CompileBlocksHook(blocks="BasicBlock", backend="eager")
    hook.before_train(make_runner(model))
    block = model.backbone.layer1[0]
    compiled = block._compiled_call_impl
    assert compiled is not None
    hook.before_val_epoch(None)
    assert block._compiled_call_impl is None
    hook.after_val_epoch(None)
    assert block._compiled_call_impl is compiled
    assert copy.deepcopy(block)._compiled_call_impl is None  # as a moving average has it


def test_two_ways_of_compiling():
    with pytest.raises(ValueError, match="takes the place of `compile`; set compile=False"):
        CompileBlocksHook().before_train(make_runner(build(), compile=True))


@pytest.mark.parametrize("version", ["2.4.1", "2.11.0+cu130", "2.14.1"])
def test_a_compiled_step_with_mixed_precision(version, monkeypatch):
    monkeypatch.setattr(compile_blocks_hook.torch, "__version__", version)
    runner = make_runner(None, compile=True)
    runner.optim_wrapper = AmpOptimWrapper.__new__(AmpOptimWrapper)
    if version == "2.14.1":
        check_compile(runner)
    else:
        with pytest.raises(ValueError, match=r"torch 2.*type='mmvareid.CompileBlocksHook'\)"):
            check_compile(runner)
    runner.optim_wrapper = OptimWrapper.__new__(OptimWrapper)
    check_compile(runner)


def first_step(rank, folder):
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/group", rank=rank, world_size=2
    )
    model = MMDistributedDataParallel(build(), device_ids=None, broadcast_buffers=False)
    CompileBlocksHook(backend="eager").before_train(make_runner(model))
    torch.save(losses_of(model), f"{folder}/{rank}.pt")
    torch.distributed.destroy_process_group()


def test_two_processes(tmp_path):
    torch.multiprocessing.spawn(first_step, (str(tmp_path),), nprocs=2)
    expected = losses_of(build())
    for rank in (0, 1):  # both have the same images
        assert torch.load(tmp_path / f"{rank}.pt") == pytest.approx(expected, rel=2e-3)
