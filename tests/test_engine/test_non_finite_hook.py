import logging
from types import SimpleNamespace

import pytest
import torch
from mmengine.optim import OptimWrapper
from mmpretrain.structures import DataSample

from mmvareid.engine import NonFiniteHook, non_finite_hook

GOOD, BAD = torch.ones(4, 3), torch.full((4, 3), float("nan"))


@pytest.fixture
def logged(monkeypatch):
    lines = []
    monkeypatch.setattr(
        non_finite_hook, "print_log", lambda line, level, **_: lines.append((level, line))
    )
    return lines


def run(action, batches):
    """Steps on batches; returns the hook, and the model's state after each."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    wrapper = OptimWrapper(torch.optim.Adam(model.parameters(), 0.1))
    runner = SimpleNamespace(model=model, optim_wrapper=wrapper)
    hook = NonFiniteHook(action)
    hook.before_train(runner)
    states = [copied(model)]
    for images in batches:
        samples = [DataSample(metainfo={"img_path": f"{i}.jpg"}) for i in range(len(images))]
        hook.before_train_iter(runner, 0, {"inputs": images, "data_samples": samples})
        noise = torch.arange(2.0 * len(images)).view(-1, 2)
        wrapper.update_params((model(images) * noise).square().sum())
        states.append(copied(model))
    return hook, states


def copied(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def equal(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("action", ["stop", "skip"])
def test_good_batches_are_left_alone(action):
    hook, states = run(action, [GOOD, GOOD * 2])
    assert hook.skipped == 0
    assert not equal(states[0], states[1]) and not equal(states[1], states[2])


def test_a_skipped_step_changes_nothing_and_is_counted(logged):
    hook, states = run("skip", [GOOD, BAD, GOOD, BAD])
    assert hook.skipped == 2
    assert equal(states[1], states[2]) and not equal(states[2], states[3])
    assert all(value.isfinite().all() for value in states[-1].values())
    assert logged[1] == (
        logging.WARNING,
        "gradients are not finite in the batch of 0.jpg, 1.jpg, 2.jpg, 3.jpg: step left out, "
        "2 so far",
    )


def test_training_stops_with_the_names_and_whole_weights():
    with pytest.raises(FloatingPointError, match=r"batch of 0\.jpg, .* 7\.jpg and 2 others; the"):
        run("stop", [GOOD[:1].repeat(10, 1) * float("inf")])


def test_the_weights_are_those_before_the_bad_batch():
    model = torch.nn.Linear(3, 2)
    wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), 0.1))
    hook, before = NonFiniteHook(), copied(model)
    hook.before_train(SimpleNamespace(model=model, optim_wrapper=wrapper))
    with pytest.raises(FloatingPointError):
        wrapper.update_params(model(BAD).sum())
    assert equal(before, copied(model))


def test_actions():
    with pytest.raises(ValueError, match="'stop' or 'skip', but got 'warn'"):
        NonFiniteHook("warn")
