import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mmpretrain.structures import DataSample

from mmvareid.models import VAHead
from mmvareid.models.heads import va_head
from mmvareid.models.heads.sampled_identities import sample_identities


@settings(max_examples=100)
@given(
    ids=st.integers(2, 50),
    batch=st.integers(1, 12),
    ratio=st.floats(0.01, 1.0),
    seed=st.integers(0, 9999),
)
def test_the_batch_is_among_what_is_drawn(ids, batch, ratio, seed):
    torch.manual_seed(seed)
    labels = torch.randint(ids, (batch,))
    drawn, places = sample_identities(labels, ids, ratio)
    assert drawn[places].equal(labels)
    assert len(drawn.unique()) == len(drawn) == min(ids, max(batch, 2, round(ratio * ids)))
    assert drawn.sort().values.equal(drawn) and drawn.min() >= 0 and drawn.max() < ids


def samples(labels, views):
    made = []
    for label, view in zip(labels, views, strict=True):
        made.append(DataSample().set_gt_label(label))
        made[-1].set_field(view, "viewpoint")
    return made


def test_the_losses_are_those_of_a_head_of_the_drawn_identities(monkeypatch):
    torch.manual_seed(0)
    head = VAHead(6, 40, sample_ratio=0.25)
    drawn = torch.tensor([1, 5, 8, 9, 20, 21, 22, 30, 31, 39])
    monkeypatch.setattr(
        va_head, "sample_identities", lambda labels, *_: (drawn, torch.searchsorted(drawn, labels))
    )
    x = torch.randn(4, 6)
    found = head.loss((x,), samples([5, 39, 5, 20], [0, 1, -1, 2]))
    small = VAHead(6, 10)
    with torch.no_grad():
        small.weight.copy_(head.weight[drawn])
        small.view_weight.copy_(head.view_weight[drawn])
    expected = small.loss((x,), samples([1, 9, 1, 4], [0, 1, -1, 2]))
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value)
    sum(found.values()).backward()
    moved = head.view_weight.grad.abs().sum(dim=(1, 2)) > 0
    assert moved.nonzero().flatten().equal(drawn)


def test_draws_differ_from_step_to_step_and_may_lack_views():
    torch.manual_seed(0)
    head = VAHead(6, 200, sample_ratio=0.1, loss_view=None, loss_center=None)
    batch = (torch.randn(2, 6),), samples([3, 4], [0, 1])
    assert head.loss(*batch)["loss_id"] != head.loss(*batch)["loss_id"]


def test_bad_labels_and_ratios():
    with pytest.raises(ValueError, match=r"sample_ratio has to be in \(0, 1\], but got 0"):
        VAHead(6, 40, sample_ratio=0)
    head = VAHead(6, 40, sample_ratio=0.5)
    with pytest.raises(ValueError, match="identity labels"):
        head.loss((torch.randn(1, 6),), samples([40], [0]))
