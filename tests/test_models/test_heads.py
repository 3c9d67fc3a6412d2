import math

import loss_oracles as oracles
import pytest
import torch
from mmpretrain.structures import DataSample

from mmvareid.models import ReIDHead, VAHead
from mmvareid.models.heads import va_head as va_head_module
from mmvareid.models.heads.angular_margin import arc_margin, margin_logits


def samples(labels, views=None):
    out = [DataSample().set_gt_label(label) for label in labels]
    for sample, view in zip(out, views or [], strict=False):
        sample.set_field(view, "viewpoint")
    return out


def head(**kwargs):
    torch.manual_seed(0)
    return VAHead(in_channels=8, num_classes=5, **kwargs)


def test_arc_margin_is_cos_of_theta_plus_m():
    cosine = torch.linspace(-1, 1, 41, dtype=torch.float64)
    expected = [oracles.arc_margin(c, 0.5) for c in cosine.tolist()]
    torch.testing.assert_close(
        arc_margin(cosine, 0.5), torch.tensor(expected, dtype=torch.float64), atol=5e-4, rtol=0
    )


@pytest.mark.parametrize("margin", [0.0, 0.3, 1.0])
def test_arc_margin_is_monotone_and_not_easier(margin):
    cosine = torch.linspace(-1, 1, 1001, dtype=torch.float64)
    margined = arc_margin(cosine, margin)
    assert (margined.diff() > 0).all()
    # At |cos| = 1 the sine is clamped to 3e-4, so the margin 0 is exact to that only.
    assert (margined <= cosine + 4e-4).all()


def test_margin_touches_the_target_alone():
    cosine = torch.tensor([[0.5, 0.2, -0.3]] * 2)
    logits = margin_logits(cosine, torch.tensor([1, -1]), 10.0, 0.1, "cos")
    torch.testing.assert_close(logits, torch.tensor([[5.0, 1.0, -3.0], [5.0, 2.0, -3.0]]))


def test_margin_zero_is_a_cosine_softmax():
    cosine = torch.rand(4, 6) - 0.5
    logits = margin_logits(cosine, torch.arange(4), 30.0, 0.0, "arc")
    torch.testing.assert_close(logits, 30 * cosine)


@pytest.mark.parametrize("margin_type", ["arc", "cos"])
@pytest.mark.parametrize("sign", [1, -1])
def test_gradients_are_finite_where_the_cosine_is_one(margin_type, sign):
    va_head = head(margin_type=margin_type)
    with torch.no_grad():
        va_head.view_weight[:] = va_head.weight[:, None]
    x = (sign * 3 * va_head.weight.detach()).requires_grad_()
    losses = va_head.loss((x,), samples(range(5), [0, 1, 2, 0, 1]))
    sum(losses.values()).backward()
    for tensor in (x, va_head.weight, va_head.view_weight):
        assert tensor.grad.isfinite().all()
    assert all(loss.isfinite() for loss in losses.values())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_low_precision_features_give_float32_losses(dtype):
    va_head = head()
    x = va_head.weight.detach().to(dtype).requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        losses = va_head.loss((x,), samples(range(5), [0, 1, 2, 0, 1]))
    assert all(loss.dtype == torch.float32 for loss in losses.values())
    sum(losses.values()).backward()
    assert x.grad.isfinite().all()


@pytest.mark.parametrize("margin", [0.0, 0.3])
def test_losses_are_logged_apart_and_follow_the_equations(margin):
    va_head = head(scale=10.0, margin=margin)
    x = torch.randn(6, 8)
    labels, views = [0, 1, 2, 3, 4, 0], [0, 1, 2, -1, 1, 2]
    losses = va_head.loss((x,), samples(labels, views))
    assert sorted(losses) == ["loss_center", "loss_id", "loss_view"]
    unit = x / x.norm(dim=1, keepdim=True)
    w = va_head.weight / va_head.weight.norm(dim=1, keepdim=True)
    u = va_head.view_weight / va_head.view_weight.norm(dim=2, keepdim=True)
    y, v = torch.tensor(labels), torch.tensor(views)
    q, r = unit @ w.T, torch.einsum("bd,kvd->bkv", unit, u)
    for i, (label, view) in enumerate(zip(labels, views, strict=True)):
        q[i, label] = oracles.arc_margin(q[i, label].item(), margin)
        if view >= 0:
            r[i, label, view] = oracles.arc_margin(r[i, label, view].item(), margin)
    expected = {
        "loss_id": oracles.identity_loss(10 * q, y, alpha=0.2),
        "loss_view": oracles.viewpoint_loss(10 * r, y, v, 0.2, "other_identities"),
        "loss_center": 0.1 * oracles.center_loss(va_head.weight, va_head.view_weight),
    }
    for name, value in expected.items():
        torch.testing.assert_close(losses[name], value, atol=1e-4, rtol=1e-4)


def test_soft_viewpoints_share_the_margin():
    va_head = head(scale=10.0, margin=0.3)
    x = torch.randn(3, 8)
    weights = torch.tensor([[0.0, 1.0, 0.0], [0.5, 0.5, 0.0], [0.0, 0.0, 0.0]])
    given = samples([0, 1, 2], [1, 0, -1])
    for sample, row in zip(given, weights, strict=True):
        sample.set_field(row.numpy(), "viewpoint_weights")
    found = va_head.loss((x,), given)["loss_view"]
    unit = x / x.norm(dim=1, keepdim=True)
    u = va_head.view_weight / va_head.view_weight.norm(dim=2, keepdim=True)
    r = torch.einsum("bd,kvd->bkv", unit, u)
    for i, k, v in ((0, 0, 1), (1, 1, 0), (1, 1, 1)):
        r[i, k, v] = oracles.arc_margin(r[i, k, v].item(), 0.3 * weights[i, v].item())
    expected = va_head.loss_view(10 * r, torch.tensor([0, 1, 2]), weights)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_samples_without_viewpoint_train_the_identity_loss_alone():
    va_head = head()
    losses = va_head.loss((torch.randn(3, 8),), samples([0, 1, 2]))
    assert losses["loss_view"].item() == 0
    sum(losses.values()).backward()
    assert va_head.weight.grad.abs().sum() > 0
    assert va_head.view_weight.grad is not None  # DDP waits for every parameter


def test_a_viewpoint_between_two_is_refused():
    with pytest.raises(ValueError, match="viewpoint of a sample has to be a whole number.* 1.7"):
        head().loss((torch.randn(2, 8),), samples([0, 1], [1, 1.7]))


def test_missing_viewpoints_are_told_once(monkeypatch):
    lines = []
    monkeypatch.setattr(va_head_module, "print_log", lambda line, **_: lines.append(line))
    va_head = head()
    for _ in range(3):
        va_head.loss((torch.randn(2, 8),), samples([0, 1]))
    assert len(lines) == 1
    assert "loss_view is 0" in lines[0]


def test_losses_left_out_leave_no_parameters():
    va_head = head(loss_view=None, loss_center=None)
    assert [name for name, _ in va_head.named_parameters()] == ["weight"]
    assert list(va_head.loss((torch.randn(2, 8),), samples([0, 1]))) == ["loss_id"]


def test_triplet_can_be_added():
    va_head = head(loss_triplet=dict(type="mmvareid.BatchHardTriplet"))
    assert "loss_triplet" in va_head.loss((torch.randn(4, 8),), samples([0, 0, 1, 1]))


@pytest.mark.parametrize("cls", [ReIDHead, VAHead])
def test_prediction_is_the_unit_descriptor_and_needs_no_labels(cls):
    x = torch.randn(3, 8)
    for given in (None, [DataSample() for _ in range(3)]):
        for sample, row in zip(cls(8, 5).predict((x,), given), x, strict=True):
            torch.testing.assert_close(sample.feature, row / math.sqrt(row @ row))


def test_plain_head_is_a_linear_softmax():
    plain = ReIDHead(8, 5)
    x = torch.randn(4, 8)
    losses = plain.loss((x,), samples([0, 1, 2, 3]))
    expected = torch.nn.functional.cross_entropy(x @ plain.weight.T, torch.arange(4))
    torch.testing.assert_close(losses["loss_id"], expected)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        (dict(margin_type="sphere"), "margin_type has to be one of .* but got sphere"),
        (dict(scale=0), "scale has to be above 0, but got 0"),
        (dict(margin=-0.1), "margin has to be in .* but got -0.1"),
        (dict(margin=30), "margin has to be in .* but got 30"),
        (dict(num_views=0), "num_views has to be at least 1, but got 0"),
        (dict(num_classes=1), "num_classes has to be at least 2, but got 1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(kwargs, message):
    with pytest.raises(ValueError, match=message):
        VAHead(**{"in_channels": 8, "num_classes": 5, **kwargs})


def test_a_sample_without_weights_beside_others_has_its_hard_viewpoint():
    torch.manual_seed(0)
    head = VAHead(in_channels=4, num_classes=3)
    x, weights = torch.randn(3, 4), torch.tensor([[0.5, 0.5, 0], [0, 0, 1], [0, 0, 0]])
    mixed, whole = [], []
    for i, view in enumerate((0, 2, -1)):
        for samples in (mixed, whole):
            samples.append(DataSample().set_gt_label(i))
            samples[-1].set_field(view, "viewpoint")
            if samples is whole or i == 0:
                samples[-1].set_field(weights[i], "viewpoint_weights")
    assert head.loss((x,), mixed)["loss_view"] == head.loss((x,), whole)["loss_view"]
