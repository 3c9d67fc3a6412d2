"""Cosines and log-probabilities with gradients by hand, beside autograd's."""

import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import gradcheck

from mmvareid.models.cosine import cosines, pair_cosines
from mmvareid.models.losses.log_prob_terms import log_prob_terms

SIZES = st.integers(1, 5)


def random(*shape, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64, requires_grad=True)


def assert_same(found, expected, inputs, seed):
    """Assert that values are the same, and gradients of a random weighted sum of them."""
    torch.testing.assert_close(found, expected)
    weights = random(*expected.shape, seed=seed).detach()
    ours, theirs = (torch.autograd.grad((v * weights).sum(), inputs) for v in (found, expected))
    torch.testing.assert_close(ours, theirs)


@settings(max_examples=30)
@given(batch=SIZES, centers=SIZES, dims=SIZES, seed=st.integers(0, 9999))
def test_cosines(batch, centers, dims, seed):
    x, c = random(batch, dims, seed=seed), random(centers, dims, seed=seed + 1)
    expected = F.linear(x, F.normalize(c, dim=1))
    assert_same(cosines(x, c), expected, (x, c), seed + 2)


@settings(max_examples=30)
@given(ids=SIZES, views=SIZES, dims=SIZES, seed=st.integers(0, 9999))
def test_pair_cosines(ids, views, dims, seed):
    w, u = random(ids, dims, seed=seed), random(ids, views, dims, seed=seed + 1)
    expected = F.cosine_similarity(w[:, None], u, dim=2)
    assert_same(pair_cosines(w, u), expected, (w, u), seed + 2)


@settings(max_examples=30)
@given(batch=SIZES, classes=st.integers(1, 9), terms=SIZES, seed=st.integers(0, 9999))
def test_log_prob_terms(batch, classes, terms, seed):
    logits = random(batch, classes, seed=seed)
    index = torch.randint(classes, (batch, terms), generator=torch.Generator().manual_seed(seed))
    log_prob = logits.log_softmax(dim=1)
    at_index, total = log_prob_terms(logits, index)
    torch.testing.assert_close(at_index, log_prob.gather(1, index))
    torch.testing.assert_close(total, log_prob.sum(dim=1))
    assert gradcheck(lambda x: log_prob_terms(x, index), logits)


def test_a_centre_of_length_zero_gives_no_nan():
    x, c = random(2, 3, seed=0), torch.zeros(2, 3, dtype=torch.float64, requires_grad=True)
    cosines(x, c).sum().backward()
    assert x.grad.isfinite().all() and c.grad.isfinite().all()


def test_large_logits_stay_finite():
    logits = torch.tensor([[1e4, -1e4, 0.0]], requires_grad=True)
    at_index, total = log_prob_terms(logits, torch.tensor([[1]]))
    (at_index.sum() + total.sum()).backward()
    assert at_index.isfinite().all() and logits.grad.isfinite().all()
