import logging
from types import SimpleNamespace

import pytest
import torch
from mmengine.optim import OptimWrapper
from mmpretrain.structures import DataSample

from mmvareid.engine import NonFiniteHook
from mmvareid.engine.hooks import non_finite_hook

GOOD, BAD = torch.ones(4, 3), torch.full((4, 3), float("nan"))


@pytest.fixture
def logged(monkeypatch):
    lines = []
    monkeypatch.setattr(
        non_finite_hook, "print_log", lambda line, level, **_: lines.append((level, line))
    )
    return lines


class ScaledWrapper(OptimWrapper):
    """AmpOptimWrapper's way with its scaler, on a CPU."""

    def __init__(self, *args, scale=2.0, **kwargs):
        super().__init__(*args, **kwargs)
        self.loss_scaler = torch.amp.GradScaler("cpu", init_scale=scale)

    def backward(self, loss):
        self.loss_scaler.scale(loss).backward()
        self._inner_count += 1

    def step(self, **kwargs):
        self.loss_scaler.step(self.optimizer, **kwargs)
        self.loss_scaler.update()


def run(action, batches, wrap=OptimWrapper, fused=False, **options):
    """Steps on batches; returns the hook, and the model's state after each."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    wrapper = wrap(torch.optim.Adam(model.parameters(), 0.1, fused=fused), **options)
    wrapper.initialize_count_status(model, 0, len(batches))
    hook = NonFiniteHook(action)
    runner = SimpleNamespace(model=model, optim_wrapper=wrapper, hooks=[NonFiniteHook(), hook])
    for one in runner.hooks:  # the last one counts
        one.before_train(runner)
    states = [copied(model)]
    for number, images in enumerate(batches):
        names = [f"{number}-{i}.jpg" for i in range(len(images))]
        samples = [DataSample(metainfo={"img_path": name}) for name in names]
        for one in runner.hooks:
            one.before_train_iter(runner, 0, {"inputs": images, "data_samples": samples})
        noise = torch.arange(2.0 * len(images)).view(-1, 2)
        loss = (model(images) * noise).square().sum()
        wrapper.update_params(loss)
        for one in runner.hooks:
            one.after_train_iter(runner, 0, outputs={"loss": loss.detach()})
        states.append(copied(model))
    hook.after_train_epoch(runner)
    return hook, states


def copied(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def equal(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


def finite(state):
    return all(value.isfinite().all() for value in state.values())


@pytest.mark.parametrize("action", ["stop", "skip"])
def test_good_batches_are_left_alone(action):
    hook, states = run(action, [GOOD, GOOD * 2])
    assert hook.skipped == 0
    assert not equal(states[0], states[1]) and not equal(states[1], states[2])


@pytest.mark.parametrize("wrap", [OptimWrapper, ScaledWrapper])
@pytest.mark.parametrize("fused", [False, True])
def test_a_skipped_step_changes_nothing_and_is_counted(logged, wrap, fused):
    hook, states = run("skip", [GOOD, BAD, GOOD, BAD], wrap, fused)
    assert hook.skipped == 2
    assert equal(states[1], states[2]) and not equal(states[2], states[3])
    assert finite(states[-1])
    assert logged[1] == (
        logging.WARNING,
        "not finite in the batch of 3-0.jpg, 3-1.jpg, 3-2.jpg, 3-3.jpg: step left out, 2 so far",
    )


@pytest.mark.parametrize("bad", [0, 1])
def test_all_batches_of_an_accumulated_step_are_named_and_taken_back(logged, bad):
    batches = [GOOD, GOOD, GOOD, GOOD, GOOD, GOOD]
    batches[2 + bad] = BAD
    hook, states = run("skip", batches, accumulative_counts=2)
    assert hook.skipped == 1
    assert all(map(finite, states))  # a moving average sees the state after each batch
    assert equal(states[2], states[4]) and not equal(states[4], states[6])
    ((_, line),) = logged
    assert "2-0.jpg" in line and "3-0.jpg" in line and "1-0.jpg" not in line


@pytest.mark.parametrize("bad", [0, 1])
def test_with_a_scaler_each_accumulated_loss_is_looked_at(bad):
    model = torch.nn.Linear(3, 2)
    wrapper = ScaledWrapper(torch.optim.SGD(model.parameters(), 0.1), accumulative_counts=2)
    wrapper.initialize_count_status(model, 0, 2)
    hook = NonFiniteHook()
    runner = SimpleNamespace(model=model, optim_wrapper=wrapper, hooks=[hook])
    hook.before_train(runner)
    with pytest.raises(FloatingPointError):
        for number in (0, 1):
            loss = model(BAD if number == bad else GOOD).sum()
            hook.before_train_iter(runner, number)
            wrapper.update_params(loss)
            hook.after_train_iter(runner, number, outputs={"loss": loss.detach()})


@pytest.mark.parametrize("fused", [False, True])
def test_a_loss_scale_that_is_too_high_is_left_to_the_scaler(logged, fused):
    batches = torch.randn(3, 4, 3, generator=torch.Generator().manual_seed(0))
    hook, states = run("stop", batches, ScaledWrapper, fused, scale=2.0**127)
    assert hook.skipped == 0 and not logged
    weights = [state["0.weight"] for state in states]
    assert torch.equal(weights[0], weights[1]) and finite(states[-1])


@pytest.mark.parametrize("wrap", [OptimWrapper, ScaledWrapper])
def test_training_stops_with_the_names(wrap):
    with pytest.raises(FloatingPointError, match=r"batch of 0-0\.jpg, .* 0-9\.jpg; the weights"):
        run("stop", [GOOD[:1].repeat(10, 1) * float("inf")], wrap)


def test_the_weights_are_those_before_the_bad_batch():
    model = torch.nn.Linear(3, 2)
    wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), 0.1))
    hook, before = NonFiniteHook(), copied(model)
    hook.before_train(SimpleNamespace(model=model, optim_wrapper=wrapper, hooks=[hook]))
    with pytest.raises(FloatingPointError):
        wrapper.update_params(model(BAD).sum())
    assert equal(before, copied(model))


def test_only_ranks_that_tell_are_named(logged, monkeypatch):
    def gathered(mine):
        return [(True, ["good.jpg"]), mine, (True, ["better.jpg"])]

    monkeypatch.setattr(non_finite_hook, "all_gather_object", gathered)
    run("skip", [BAD])
    assert "good" not in logged[0][1] and "0-0.jpg" in logged[0][1]
    monkeypatch.setattr(
        non_finite_hook, "all_gather_object", lambda mine: gathered((True, mine[1]))
    )
    run("skip", [BAD])
    assert all(name in logged[1][1] for name in ("good.jpg", "0-0.jpg", "better.jpg"))


def test_actions():
    with pytest.raises(ValueError, match="'stop' or 'skip', but got 'warn'"):
        NonFiniteHook("warn")
