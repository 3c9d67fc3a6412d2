"""A training step asks a GPU for nothing, and sends it a batch in as many copies whatever its size.

On a fake GPU a tensor has no values: to read one, or to ask for the places of a mask, is an error.
"""

from collections import Counter
from types import SimpleNamespace
from unittest import mock

import pytest
import torch
from mmengine.hooks import LoggerHook
from mmengine.logging import MessageHub
from mmengine.optim import OptimWrapper
from mmengine.registry import DefaultScope
from mmpretrain.structures import DataSample
from operators import Operators
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from mmvareid.engine import LazyRuntimeInfoHook, NonFiniteHook
from mmvareid.models import labels
from mmvareid.registry import MODELS

LOCAL = dict(
    neck=dict(
        type="mmvareid.JointNeck",
        necks=[
            dict(type="mmvareid.EmbeddingNeck", in_channels=64, out_channels=16),
            dict(type="mmvareid.StripePyramid", in_channels=64, out_channels=8, num_parts=2),
        ],
    ),
    head=dict(
        type="mmvareid.JointHead",
        heads=[
            dict(type="mmvareid.VAHead", in_channels=16, num_classes=40),
            dict(type="mmvareid.StripeHead", in_channels=8, num_stripes=3, num_classes=40),
        ],
    ),
)
HEADS = {
    "local": LOCAL["head"],
    "sampled": dict(type="mmvareid.VAHead", in_channels=16, num_classes=40, sample_ratio=0.5),
    "triplet": dict(
        type="mmvareid.ReIDHead",
        in_channels=16,
        num_classes=40,
        loss_triplet=dict(type="mmvareid.BatchHardTriplet"),
    ),
}


def build(name):
    model = dict(
        type="ImageClassifier",
        data_preprocessor=dict(
            type="mmvareid.BatchAugmentPreprocessor", mean=[1.0] * 3, std=[2.0] * 3, to_rgb=True
        ),
        backbone=dict(type="ResNet", depth=18, stem_channels=8, base_channels=8),
        neck=dict(type="mmvareid.EmbeddingNeck", in_channels=64, out_channels=16),
        head=HEADS[name],
    )
    if name == "local":
        model["neck"] = LOCAL["neck"]
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        return MODELS.build(model).train()


def move_to_fake_gpu(model):
    """Within a FakeTensorMode, put empty weights in the place of the model's."""
    for module in model.modules():
        for name, weight in module._parameters.items():
            if weight is not None:
                module._parameters[name] = nn.Parameter(torch.empty(weight.shape, device="cuda"))
        for name, buffer in module._buffers.items():
            module._buffers[name] = torch.empty(buffer.shape, dtype=buffer.dtype, device="cuda")
    model.data_preprocessor._device = torch.device("cuda")


def make_batch(size):
    samples = [DataSample().set_gt_label(i // 4) for i in range(size)]
    for i, sample in enumerate(samples):
        sample.set_field(i % 4 - 1, "viewpoint")
    images = [torch.randint(0, 256, (3, 64, 32), dtype=torch.uint8) for _ in range(size)]
    return {"inputs": images, "data_samples": samples}


def has_fake_gpu():
    """Whether this torch has one without a driver; 2.4 has not."""
    try:
        with FakeTensorMode():
            torch.ones(1).to("cuda")
    except RuntimeError:
        return False
    return True


@pytest.mark.skipif(not has_fake_gpu(), reason="this torch has no fake GPU without a driver")
@pytest.mark.parametrize("name", HEADS)
def test_losses_on_a_fake_gpu(name, monkeypatch):
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda self: self)
    counts = []
    for size in (8, 32):
        model = build(name)
        with FakeTensorMode():
            move_to_fake_gpu(model)
            batch = make_batch(size)
            with Operators() as operators:
                losses = model(**model.data_preprocessor(batch, True), mode="loss")
        assert all(loss.device.type == "cuda" for loss in losses.values())
        sent = [
            kwargs
            for operator, (source, *_), kwargs in operators.calls
            if operator == "_to_copy"
            and source.device.type == "cpu"
            and torch.device(kwargs.get("device") or "cpu").type == "cuda"
        ]
        assert all(kwargs["non_blocking"] for kwargs in sent)
        counts.append(len(sent))
    assert counts == [2 if name == "triplet" else 3] * 2  # images, labels, viewpoints
    with FakeTensorMode(), pytest.raises(Exception, match="_local_scalar_dense"):
        torch.ones(2, device="cuda").sum().item()


def step_counts(size, hooks, steps=1):
    """Operators of training steps with hooks, once all is warm."""
    model = build("local")
    wrapper = OptimWrapper(torch.optim.Adam(model.parameters(), fused=True))
    wrapper.initialize_count_status(model, 0, 100)
    hub = MessageHub.get_instance("no_waits")
    loader = mock.MagicMock()
    loader.__len__.return_value = 100
    runner = SimpleNamespace(
        model=model, optim_wrapper=wrapper, hooks=[*hooks, LoggerHook(interval=10)],
        message_hub=hub, iter=0, epoch=0, max_epochs=1, max_iters=100, train_dataloader=loader,
    )  # fmt: skip
    for hook in hooks:
        hook.before_train(runner)
    batches = [make_batch(size) for _ in range(steps + 1)]
    counted = Counter()
    with mock.patch.object(labels, "can_look", lambda values: False):
        for number, batch in enumerate(batches):
            with Operators() as operators:
                for hook in hooks:
                    hook.before_train_iter(runner, number, batch)
                outputs = model.train_step(batch, wrapper)
                for hook in hooks:
                    hook.after_train_iter(runner, number, batch, outputs)
            runner.iter += 1
            counted += operators.counts if number else Counter()
    return counted


def test_a_step_reads_nothing_whatever_the_size_of_its_batch():
    counts = [step_counts(size, [NonFiniteHook(), LazyRuntimeInfoHook()]) for size in (8, 32)]
    for found in counts:
        for name in ("_local_scalar_dense", "nonzero", "is_nonzero", "unique"):
            assert found[name] == 0, name
    assert counts[0]["_to_copy"] == counts[1]["_to_copy"]


def test_what_is_logged_every_ten_steps_is_read_once():
    found = step_counts(8, [NonFiniteHook(interval=10), LazyRuntimeInfoHook()], steps=9)
    assert found["_local_scalar_dense"] == 0  # tolist() takes all at once
    hub = MessageHub.get_instance("no_waits")
    assert len(hub.get_scalar("train/loss").data[0]) >= 10
