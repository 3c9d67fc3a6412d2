"""A GPU's way, on a CPU's tensors: the same numbers, and as many operators for many queries."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from operators import Operators
from oracles import rank_one_by_one, rerank_densely
from test_ranking import assert_same, duplicated, make

from mmvareid.evaluation import rank, rerank
from mmvareid.evaluation.ranking import padded, ranking, reciprocal_on_device, reranking, similarity
from mmvareid.evaluation.ranking.equal_rows import equal_rows
from mmvareid.evaluation.ranking.precision import full_precision, sums_in_any_order

MODULES = (ranking, reranking, similarity)


@pytest.fixture(scope="module", autouse=True)
def as_on_a_gpu():
    with pytest.MonkeyPatch.context() as patch:
        for module in MODULES:
            patch.setattr(module, "in_one_pass", lambda device: ONE_PASS[0])
        yield


ONE_PASS = [True]


def as_on_a_cpu(function):
    ONE_PASS[0] = False
    try:
        return function()
    finally:
        ONE_PASS[0] = True


@settings(max_examples=200)
@given(
    seed=st.integers(0, 10**6),
    queries=st.integers(1, 150),
    gallery=st.integers(1, 90),
    length=st.sampled_from([1, 4, 16]),  # sqrt is whole: all cosines are exact
    people=st.integers(1, 10),
    cameras=st.integers(1, 4),
    metric=st.sampled_from(["cosine", "euclidean"]),
    ap=st.sampled_from(["rectangular", "trapezoid"]),
    few=st.sampled_from([0, 8, 1000]),
    memory=st.sampled_from([0, 64]),
)
def test_equals_the_way_of_a_cpu(
    seed, queries, gallery, length, people, cameras, metric, ap, few, memory
):
    data = make(seed, queries, gallery, length, people, cameras)
    before, padded._FEW = padded._FEW, few
    try:
        found = rank(*data, metric, ap, memory)
    finally:
        padded._FEW = before
    expected = as_on_a_cpu(lambda: rank(*data, metric, ap, memory))
    assert_same(found, expected, atol=1e-12)
    np.testing.assert_array_equal(found.num_matches, expected.num_matches)
    np.testing.assert_array_equal(found.num_ignored, expected.num_ignored)
    assert found.first_hit.dtype == found.num_matches.dtype == np.int64
    if queries <= 12:
        assert_same(found, rank_one_by_one(*data, metric, ap))


def test_reranked_and_all_junk():
    data = make(3, kind="real")
    found = rank(*data, rerank=dict(k1=5))
    assert_same(found, as_on_a_cpu(lambda: rank(*data, rerank=dict(k1=5))), atol=1e-12)
    ones = np.ones((2, 2), np.float32)
    assert np.isnan(rank(ones, ones, [1, 2], [-1, -1], [1, 1], [2, 2]).ap).all()


@settings(max_examples=100)
@given(
    seed=st.integers(0, 10**6),
    queries=st.integers(1, 8),
    gallery=st.integers(1, 40),
    length=st.integers(1, 5),
    grid=st.booleans(),  # where many pairs are equally far, and many images the same
    options=st.fixed_dictionaries(
        dict(k1=st.integers(1, 60), k2=st.integers(1, 12), lambda_value=st.floats(0, 1))
    ),
    parts=st.sampled_from([1, 2**27]),
)
def test_reranked_distances(seed, queries, gallery, length, grid, options, parts):
    rng = np.random.default_rng(seed)
    shape = queries + gallery, length
    features = rng.integers(0, 3, shape) if grid else rng.standard_normal(shape)
    query, others = np.split(features.astype(np.float64), [queries])
    if (features == features[0]).all():  # then the largest distance is 0, and the oracle divides
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reciprocal_on_device, "_PAIRS", parts)
        patch.setattr(reciprocal_on_device, "_CELLS", parts)
        found = rerank(query, others, **options)
    np.testing.assert_allclose(found, rerank_densely(query, others, **options), rtol=0, atol=1e-10)


def test_order_of_gallery_and_queries_changes_nothing():
    query, feats, query_ids, ids, query_cams, cams = duplicated(5, 65, 2049, 300)
    expected = rank(query, feats, query_ids, ids, query_cams, cams)
    rng = np.random.default_rng(0)
    q, g = rng.permutation(65), rng.permutation(2049)
    found = rank(query[q], feats[g], query_ids[q], ids[g], query_cams[q], cams[g])
    # The product of a CPU rounds at its edges; equal features tie all the same.
    np.testing.assert_allclose(found.ap, expected.ap[q], atol=1e-5)


def test_equal_features_tie_wherever_they_stand(monkeypatch):
    torch.manual_seed(0)
    features = torch.randn(1, 2048).expand(15913, -1).contiguous()
    ids = torch.zeros(15913, dtype=torch.int64)
    ids[torch.randperm(15913)[:5]] = 1
    zeros = torch.zeros_like(ids)
    mm = torch.mm

    def round_some_tiles_otherwise(left, right, out):
        mm(left, right, out=out)
        out[:, ::3] *= 1 + 1e-6

    monkeypatch.setattr(torch, "mm", round_some_tiles_otherwise)
    for metric in ("cosine", "euclidean"):
        found = rank(torch.randn(3, 2048), features, [1] * 3, ids, [9] * 3, zeros, metric)
        np.testing.assert_array_equal(found.first_hit, 15913 - 5)


@given(seed=st.integers(0, 10**6), rows=st.integers(1, 60), double=st.booleans())
def test_equal_rows(seed, rows, double):
    generator = torch.Generator().manual_seed(seed)
    features = torch.randint(-1, 2, (rows, 3), generator=generator).to(
        torch.float64 if double else torch.float32
    )
    features *= -1  # with zeros of both signs
    copies, first = equal_rows(features)
    expected = {
        i: min(j for j in range(rows) if torch.equal(features[i], features[j])) for i in range(rows)
    }
    assert dict(zip(copies.tolist(), first.tolist(), strict=True)) == {
        i: j for i, j in expected.items() if i != j
    }


@pytest.mark.parametrize("people", [4, 800])  # matches by a search, and by a pass for each
def test_a_block_of_many_queries_takes_as_many_operators(people):
    query, gallery, ids, gallery_ids, cams, gallery_cams = make(0, 1024, 1500, 32, people=people)
    ids[0] = np.bincount(gallery_ids[gallery_ids > 0]).argmax()  # the widest is among the first
    counts = []
    for number in (64, 1024):
        first = slice(number)
        with Operators() as operators:
            rank(query[first], gallery, ids[first], gallery_ids, cams[first], gallery_cams)
        counts.append(operators.counts)
    assert counts[0] == counts[1]
    assert sum(counts[0].values()) < 170
    assert counts[0]["_local_scalar_dense"] <= 2  # are all norms good


def test_the_scores_are_read_once_whatever_the_number_of_blocks():
    data = make(0, 1000, 500, 32, people=20)
    reads = []
    for memory in (0, 64):  # 16 blocks, and one
        with Operators() as operators:
            rank(*data, memory_mb=memory)
        reads.append([operators.counts[name] for name in ("_local_scalar_dense", "nonzero")])
    assert reads[0] == reads[1]


def test_the_user_s_settings_come_back():
    torch.set_float32_matmul_precision("high")
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        with full_precision(), sums_in_any_order():
            assert getattr(torch.backends.cuda.matmul, "fp32_precision", "ieee") == "ieee"
            assert not torch.are_deterministic_algorithms_enabled()
        assert torch.get_float32_matmul_precision() == "high"
        assert torch.backends.cuda.matmul.allow_tf32
        assert torch.is_deterministic_algorithms_warn_only_enabled()
    finally:
        torch.use_deterministic_algorithms(False)
        torch.set_float32_matmul_precision("highest")
