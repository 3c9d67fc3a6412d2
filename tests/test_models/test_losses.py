import math

import loss_oracles as oracles
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from mmpretrain.structures import DataSample

from mmvareid.models import ALSRLoss, BatchHardTriplet, CenterRegularization, LSRLoss, VALSRLoss
from mmvareid.models.losses.pair_log_probs import NEGATIVES, log_probs, logsumexp_of_others
from mmvareid.registry import MODELS


def assert_agree(ours, oracle, *inputs):
    """Value and gradients of two losses of the same inputs agree to 1e-5."""
    results = []
    for loss in (ours, oracle):
        leaves = [x.detach().clone().requires_grad_() for x in inputs]
        value = loss(*leaves)
        results.append([value, *torch.autograd.grad(value, leaves)])
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)


def draw(seed, *shape, scale=3.0):
    return scale * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@settings(max_examples=30)
@given(st.integers(2, 9), st.integers(1, 6), st.floats(0, 1), st.integers(0, 99))
def test_identity_losses_agree_with_their_oracle(num_ids, batch, alpha, seed):
    labels = torch.randint(num_ids, (batch,), generator=torch.Generator().manual_seed(seed))
    logits = draw(seed, batch, num_ids)
    assert_agree(
        lambda x: ALSRLoss(alpha)(x, labels),
        lambda x: oracles.identity_loss(x, labels, alpha=alpha),
        logits,
    )
    epsilon = alpha / 2
    assert_agree(
        lambda x: LSRLoss(epsilon)(x, labels),
        lambda x: oracles.identity_loss(x, labels, epsilon=epsilon),
        logits,
    )


@pytest.mark.parametrize("negatives", NEGATIVES)
@settings(max_examples=20)
@given(st.integers(2, 6), st.integers(2, 5), st.floats(0, 0.5), st.integers(0, 99))
def test_valsr_agrees_with_its_oracle(negatives, num_ids, num_views, alpha, seed):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(num_ids, (5,), generator=generator)
    views = torch.randint(-1, num_views, (5,), generator=generator)
    views[0] = 0
    assert_agree(
        lambda x: VALSRLoss(alpha, negatives)(x, labels, views),
        lambda x: oracles.viewpoint_loss(x, labels, views, alpha, negatives),
        draw(seed, 5, num_ids, num_views),
    )


@pytest.mark.parametrize("negatives", NEGATIVES)
def test_valsr_targets_sum_to_one_and_favour_other_views_of_the_identity(negatives):
    logits, labels, views = draw(0, 1, 5, 3), torch.tensor([2]), torch.tensor([1])
    r, target = VALSRLoss(0.2, negatives).soft_labels(logits, labels, views)
    torch.testing.assert_close(r[0], oracles.pair_probabilities(logits[0], negatives))
    torch.testing.assert_close(target[0], oracles.viewpoint_target(r[0], 2, 1, 0.2))
    assert target.sum().item() == pytest.approx(1)
    assert target[0, 2, 1] == target.max()
    assert target[0, 2, 0] > target[0, 0, 0]


def test_targets_are_those_that_the_gradient_of_one_softmax_holds():
    logits = draw(0, 1, 5, 3).requires_grad_()
    loss, labels, views = VALSRLoss(0.2, "all"), torch.tensor([2]), torch.tensor([1])
    loss(logits, labels, views).backward()
    r, target = loss.soft_labels(logits, labels, views)
    torch.testing.assert_close(r - target, logits.grad)  # softmax - target


@pytest.mark.parametrize("negatives", NEGATIVES[1:])
def test_no_other_view_of_a_person_is_pushed_away_by_its_own_pairs(negatives):
    """The gradient of log r(y, v) on another view of y is 0, and positive in one softmax."""
    logits = draw(11, 1, 5, 3).requires_grad_()
    log_probs(logits, negatives)[0, 2, 1].backward()
    torch.testing.assert_close(logits.grad[0, 2, [0, 2]], torch.zeros(2), atol=1e-7, rtol=0)
    assert (logits.grad[0, [0, 1, 3, 4]] < 0).sum() == (12 if negatives == NEGATIVES[1] else 8)
    logits.grad = None
    log_probs(logits, "all")[0, 2, 1].backward()
    assert (logits.grad[0, 2, [0, 2]] < 0).all()


@pytest.mark.parametrize(("taken_for", "sign"), [(0.2, -1), (0.45, -1), (0.55, 1), (0.9, 1)])
def test_another_view_is_pushed_only_where_it_is_taken_for_certain(taken_for, sign):
    """Of 3 views the whole loss turns at r(y, k) = 1/2, if nothing is seen of the view v."""
    num_ids = 500
    logits = torch.zeros(1, num_ids, 3)
    logits[0, 0, 0] = logits[0, 0, 2] = -20
    logits[0, 0, 1] = math.log(taken_for / (1 - taken_for) * 3 * (num_ids - 1))
    logits.requires_grad_()
    VALSRLoss()(logits, torch.tensor([0]), torch.tensor([0])).backward()
    assert logits.grad[0, 0, 1].sign() == sign


@pytest.mark.parametrize("negatives", NEGATIVES)
def test_gradients_agree_with_differences(negatives):
    logits = draw(12, 4, 5, 3).double().requires_grad_()
    labels, views = torch.tensor([0, 4, 2, 2]), torch.tensor([0, 1, 2, -1])
    # Without smoothing, since targets carry no gradient and differences would see theirs.
    loss = VALSRLoss(0, negatives)
    assert torch.autograd.gradcheck(lambda x: loss(x, labels, views), logits)
    assert torch.autograd.gradcheck(lambda x: log_probs(x, negatives), logits)


@settings(max_examples=50)
@given(st.integers(1, 9), st.integers(1, 3), st.integers(0, 99), st.sampled_from([1.0, 100.0]))
def test_the_log_sum_of_others_leaves_one_out(number, views, seed, scale):
    x = draw(seed, 2, number, views, scale=scale).double()
    found = logsumexp_of_others(x)
    for k in range(number):
        others = [j for j in range(number) if j != k]
        nothing = torch.full_like(x[:, 0], torch.finfo(x.dtype).min)
        expected = x[:, others].logsumexp(dim=1) if others else nothing
        torch.testing.assert_close(found[:, k], expected)


def test_what_a_certain_pair_leaves_is_not_cancelled():
    """Taking e^60 away from its own sum would leave nothing of the others."""
    x = torch.tensor([[60.0, 1.0, 2.0]])
    expected = torch.tensor([1.0, 2.0]).logsumexp(0)
    torch.testing.assert_close(logsumexp_of_others(x)[0, 0], expected)


def soft_views(seed, batch, num_views):
    weights = torch.rand(batch, num_views, generator=torch.Generator().manual_seed(seed)) ** 3
    return weights / weights.sum(dim=1, keepdim=True)


@pytest.mark.parametrize("negatives", NEGATIVES)
@settings(max_examples=20)
@given(st.integers(2, 5), st.integers(2, 6), st.floats(0, 0.5), st.integers(0, 99))
def test_valsr_of_soft_viewpoints_agrees_with_its_oracle(
    negatives, num_ids, num_views, alpha, seed
):
    logits = draw(seed, 5, num_ids, num_views)
    labels = torch.randint(num_ids, (5,), generator=torch.Generator().manual_seed(seed))
    weights = soft_views(seed, 5, num_views)
    weights[4] = 0  # unknown

    def oracle(x):
        losses = []
        for row, y, w in zip(x[:4], labels.tolist(), weights, strict=False):
            r = oracles.pair_probabilities(row, negatives)
            target = oracles.soft_viewpoint_target(r.detach(), y, w, alpha)
            torch.testing.assert_close(target.sum(), torch.tensor(1.0))
            losses.append(-(target * r.log()).sum())
        return sum(losses) / 4

    assert_agree(lambda x: VALSRLoss(alpha, negatives)(x, labels, weights), oracle, logits)


@pytest.mark.parametrize("negatives", NEGATIVES)
@settings(max_examples=40)
@given(st.integers(1, 6), st.integers(2, 8), st.floats(0, 0.5), st.integers(0, 99))
def test_one_hot_viewpoints_are_hard_ones(negatives, num_ids, num_views, alpha, seed):
    generator = torch.Generator().manual_seed(seed)
    logits = draw(seed, 6, num_ids, num_views)
    labels = torch.randint(num_ids, (6,), generator=generator)
    views = torch.randint(-1, num_views, (6,), generator=generator)
    weights = F.one_hot(views.clamp(min=0), num_views).float() * (views >= 0)[:, None]
    loss = VALSRLoss(alpha, negatives)
    torch.testing.assert_close(loss(logits, labels, weights), loss(logits, labels, views))


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([[0.5, 0.5]], r"have to be of shape \(B, 3\), but got \(1, 2\); does the head's"),
        ([[0.5, 0.2, 0.2]], "sum to 1, or to 0 where unknown, but got sums from 0.9 to 0.9"),
        ([[1.5, -0.5, 0.0]], "have to be 0 or more"),
    ],
)
def test_viewpoint_weights_that_are_none_are_refused(weights, message):
    with pytest.raises(ValueError, match=message):
        VALSRLoss()(draw(0, 1, 4, 3), torch.tensor([0]), torch.tensor(weights))


def test_alsr_without_smoothing_is_cross_entropy():
    logits, labels = draw(1, 8, 5), torch.arange(8) % 5
    assert_agree(lambda x: ALSRLoss(0)(x, labels), lambda x: F.cross_entropy(x, labels), logits)


@pytest.mark.parametrize("negatives", NEGATIVES[:2])
def test_valsr_of_one_viewpoint_is_alsr(negatives):
    logits, labels = draw(2, 8, 5), torch.arange(8) % 5
    assert_agree(
        lambda x: VALSRLoss(0.2, negatives)(
            x[:, :, None], labels, torch.zeros(8, dtype=torch.long)
        ),
        lambda x: ALSRLoss(0.2)(x, labels),
        logits,
    )


def test_of_one_viewpoint_every_known_one_is_it():
    logits, labels, views = draw(2, 4, 5, 1), torch.arange(4), torch.tensor([0, 2, -1, 1])
    torch.testing.assert_close(
        VALSRLoss(0.2)(logits, labels, views),
        ALSRLoss(0.2)(logits[views >= 0, :, 0], labels[views >= 0]),
    )


def test_valsr_without_smoothing_is_cross_entropy_over_pairs():
    logits, labels, views = draw(3, 8, 5, 3), torch.arange(8) % 5, torch.arange(8) % 3
    assert_agree(
        lambda x: VALSRLoss(0, "all")(x, labels, views),
        lambda x: F.cross_entropy(x.flatten(1), labels * 3 + views),
        logits,
    )


def test_valsr_without_a_known_viewpoint_is_zero_with_a_live_graph():
    logits = draw(4, 4, 5, 3).requires_grad_()
    loss = VALSRLoss()(logits, torch.arange(4), torch.full((4,), -1))
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(logits.grad, torch.zeros_like(logits))


@pytest.mark.parametrize("negatives", NEGATIVES)
@pytest.mark.parametrize("scale", [1e2, 1e4])
def test_saturated_logits_give_finite_losses_and_gradients(scale, negatives):
    logits = draw(5, 6, 4, 3, scale=scale).requires_grad_()
    labels, views = torch.arange(6) % 4, torch.arange(6) % 3
    loss = VALSRLoss(negatives=negatives)(logits, labels, views)
    loss = loss + ALSRLoss()(logits[..., 0], labels)
    loss.backward()
    assert loss.isfinite()
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_center_regularization_agrees_with_its_oracle(reduction):
    assert_agree(
        CenterRegularization(reduction=reduction),
        lambda w, u: oracles.center_loss(w, u, reduction),
        draw(6, 4, 7),
        draw(7, 4, 3, 7),
    )


def test_center_regularization_is_between_zero_and_two():
    centers = draw(8, 4, 7)
    views = centers[:, None].expand(4, 3, 7)
    assert CenterRegularization()(centers, 5 * views).item() == pytest.approx(0, abs=1e-6)
    assert CenterRegularization()(centers, -views).item() == pytest.approx(2)
    assert CenterRegularization(0.1)(centers, -views).item() == pytest.approx(0.2)


def test_center_regularization_of_a_zero_center_is_finite():
    centers = torch.zeros(2, 4, requires_grad=True)
    CenterRegularization()(centers, draw(9, 2, 3, 4)).backward()
    assert centers.grad.isfinite().all()


def test_batch_hard_triplet_agrees_with_its_oracle():
    labels = torch.tensor([0, 0, 0, 1, 1, 2])  # the last has no positive
    assert_agree(
        lambda x: BatchHardTriplet(0.3)(x, labels),
        lambda x: oracles.triplet_loss(x, labels, 0.3),
        draw(10, 6, 5, scale=1.0),
    )


def test_batch_hard_triplet_of_equal_features_has_finite_gradients():
    features = torch.ones(4, 3, requires_grad=True)
    BatchHardTriplet(None)(features, torch.tensor([0, 0, 1, 1])).backward()
    assert features.grad.isfinite().all()


@pytest.mark.parametrize("labels", [[0, 5], [-1, 0]])
def test_labels_out_of_range_end_in_one_error(labels):
    with pytest.raises(ValueError, match=r"identity labels have to be in \[0, 4\], but got"):
        ALSRLoss()(torch.zeros(2, 5), torch.tensor(labels))
    with pytest.raises(ValueError, match=r"identity labels have to be in \[0, 4\], but got"):
        VALSRLoss()(torch.zeros(2, 5, 3), torch.tensor(labels), torch.zeros(2, dtype=torch.long))


def test_viewpoints_out_of_range_end_in_one_error():
    with pytest.raises(
        ValueError, match=r"viewpoint labels have to be in \[-1, 2\], but got .* 3;"
    ):
        VALSRLoss()(torch.zeros(2, 5, 3), torch.tensor([0, 1]), torch.tensor([0, 3]))


@pytest.mark.parametrize(
    ("loss", "value"), [(ALSRLoss, 1.5), (ALSRLoss, -0.1), (VALSRLoss, 0.6), (LSRLoss, 1.0)]
)
def test_smoothing_out_of_range_is_refused(loss, value):
    with pytest.raises(ValueError, match="has to be in"):
        loss(value)


LOSSES = {
    "lsr": (LSRLoss, lambda: (draw(20, 6, 5), torch.arange(6) % 5)),
    "alsr": (ALSRLoss, lambda: (draw(21, 6, 5), torch.arange(6) % 5)),
    "valsr": (
        VALSRLoss,
        lambda: (draw(22, 6, 5, 3), torch.arange(6) % 5, torch.tensor([0, 1, -1, 2, 1, 0])),
    ),
    "triplet": (BatchHardTriplet, lambda: (draw(23, 6, 4), torch.tensor([0, 0, 1, 1, 2, 2]))),
}


@pytest.mark.parametrize("name", LOSSES)
def test_weights_and_reductions_are_those_of_mmpretrain(name):
    loss, inputs = LOSSES[name]
    each = loss(reduction="none")(*inputs())
    assert each.shape == (6,)
    count = 5 if name == "valsr" else 6  # one viewpoint is unknown
    assert (each == 0).sum() == (name == "valsr")
    torch.testing.assert_close(loss()(*inputs()), each.sum() / count)
    torch.testing.assert_close(loss(reduction="sum")(*inputs()), each.sum())
    torch.testing.assert_close(loss(loss_weight=3)(*inputs()), 3 * each.sum() / count)
    torch.testing.assert_close(loss()(*inputs(), avg_factor=4), each.sum() / 4)
    torch.testing.assert_close(loss()(*inputs(), reduction_override="none"), each)
    weight = torch.linspace(0, 1, 6)
    torch.testing.assert_close(loss()(*inputs(), weight=weight), (weight * each).sum() / count)
    with pytest.raises(ValueError, match="avg_factor has to be None with reduction='sum'"):
        loss(reduction="sum")(*inputs(), avg_factor=4)
    with pytest.raises(ValueError, match="reduction has to be one of .* but got 'max'"):
        loss(reduction="max")


@pytest.mark.parametrize("name", LOSSES)
def test_an_empty_batch_is_a_zero_with_a_live_graph(name):
    loss, inputs = LOSSES[name]
    first, *others = [one[:0] for one in inputs()]
    first.requires_grad_()
    value = loss()(first, *others)
    value.backward()
    assert value.item() == 0 and first.grad.shape == first.shape


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32])
@pytest.mark.parametrize("name", LOSSES)
def test_labels_of_any_integer_type(name, dtype):
    loss, inputs = LOSSES[name]
    first, labels, *views = inputs()
    views = [view.clamp(min=0) for view in views]
    expected = loss()(first, labels, *views)
    found = loss()(first, labels.to(dtype), *(view.to(dtype) for view in views))
    torch.testing.assert_close(found, expected)


def test_fractions_are_no_hard_labels():
    logits, labels = draw(24, 2, 5, 3), torch.tensor([0, 1])
    with pytest.raises(ValueError, match="identity labels have to be whole numbers .*float32"):
        ALSRLoss()(logits[..., 0], labels.float())
    with pytest.raises(ValueError, match=r"\(B, 3\), but got \(2,\); .* to be whole numbers"):
        VALSRLoss()(logits, labels, torch.tensor([0.0, 1.7]))


def test_mmpretrains_head_trains_by_our_losses():
    head = MODELS.build(
        dict(
            type="LinearClsHead", num_classes=5, in_channels=8, loss=dict(type="mmvareid.ALSRLoss")
        )
    )
    samples = [DataSample().set_gt_label(label) for label in (0, 4, 2)]
    found = head.loss((draw(25, 3, 8),), samples)["loss"]
    torch.testing.assert_close(found, ALSRLoss()(head((draw(25, 3, 8),)), torch.tensor([0, 4, 2])))


def test_a_single_viewpoint_has_no_negatives_as_printed():
    zeros = torch.zeros(2, dtype=torch.long)
    with pytest.raises(ValueError, match="has to have at least 2 viewpoints.* but got 1"):
        VALSRLoss(negatives=NEGATIVES[2])(draw(26, 2, 5, 1), zeros, zeros)
    with pytest.raises(ValueError, match="has to have at least 2 viewpoints.* but got 1"):
        VALSRLoss(negatives=NEGATIVES[2]).soft_labels(draw(26, 2, 5, 1), zeros, zeros)
    with pytest.raises(ValueError, match="viewpoint labels have to be whole numbers.*bool"):
        VALSRLoss()(draw(26, 2, 5, 1), zeros, zeros.bool())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("negatives", NEGATIVES)
def test_logits_of_16_bits_give_the_loss_of_float32(negatives, dtype):
    """Of so many pairs the sum of exponentials is above what float16 holds."""
    logits = draw(27, 4, 3000, 3).to(dtype).requires_grad_()
    labels, views = torch.arange(4), torch.tensor([0, 1, 2, -1])
    loss = VALSRLoss(negatives=negatives)(logits, labels, views)
    loss.backward()
    torch.testing.assert_close(loss, VALSRLoss(negatives=negatives)(logits.float(), labels, views))
    assert loss.isfinite() and logits.grad.isfinite().all()
    identity = ALSRLoss()(logits[..., 0], labels)
    torch.testing.assert_close(identity, ALSRLoss()(logits[..., 0].float(), labels))


@pytest.mark.parametrize("negatives", NEGATIVES)
@pytest.mark.parametrize("scale", [1.0, 1e4, 3e7])
def test_tied_identities_give_finite_losses_and_gradients(negatives, scale):
    logits = torch.zeros(2, 5, 3)
    logits[:, :2] = scale
    logits.requires_grad_()
    labels, views = torch.tensor([0, 3]), torch.tensor([0, 1])
    loss = VALSRLoss(negatives=negatives)(logits, labels, views)
    loss.backward()
    assert loss.isfinite() and logits.grad.isfinite().all()


@pytest.mark.parametrize("avg_factor", [0, torch.tensor(0.0)])
def test_nothing_counted_is_zero(avg_factor):
    logits = draw(28, 2, 5, 3).requires_grad_()
    unknown = torch.tensor([-1, -1])
    loss = VALSRLoss()(logits, torch.arange(2), unknown, avg_factor=avg_factor)
    loss.backward()
    assert loss.item() == 0 and logits.grad.isfinite().all()
    head = ALSRLoss()(draw(29, 0, 5), torch.zeros(0, dtype=torch.long), avg_factor=avg_factor)
    assert head.item() == 0


def test_readings_that_there_are_not_are_refused():
    with pytest.raises(ValueError, match="negatives has to be one of .*'all'.* but got 'some'"):
        VALSRLoss(negatives="some")
    with pytest.raises(ValueError, match="reduction has to be one of .* but got 'none'"):
        CenterRegularization(reduction="none")


def test_weights_that_are_no_number_are_refused():
    with pytest.raises(ValueError, match="viewpoint weights have to be 0 or more and sum to 1"):
        VALSRLoss()(torch.randn(1, 2, 3), torch.tensor([0]), torch.tensor([[torch.nan, 0.5, 0.5]]))


def test_smoothing_ends_once_a_soft_viewpoint_is_met():
    weights = torch.tensor([[0.5, 0.5, 0.0]])
    logits = torch.full((1, 2, 3), -40.0)
    logits[0, 1, :2] = 0
    logits.requires_grad_()
    VALSRLoss()(logits, torch.tensor([1]), weights).backward()
    torch.testing.assert_close(logits.grad, torch.zeros_like(logits), atol=1e-6, rtol=0)
