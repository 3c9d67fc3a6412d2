import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import rank_by_distances, rerank_densely

from mmvareid.evaluation import rank, rerank
from mmvareid.evaluation.ranking import reciprocal_encoding, reranking


def people(seed, queries, gallery, noise=0.7, size=8, dtype=np.float32):
    """Features of people as noisy copies of centres."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(6, size))
    found = centres[rng.integers(0, 6, queries + gallery)]
    found = found + noise * rng.normal(size=found.shape)
    return found[:queries].astype(dtype), found[queries:].astype(dtype)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    "options",
    [{}, dict(k1=5, k2=3), dict(k1=7, k2=1, lambda_value=0.0), dict(k1=3, k2=6, lambda_value=0.9)],
)
def test_equals_the_dense_algorithm(seed, options):
    query, gallery = people(seed, 17, 61)
    expected = rerank_densely(query, gallery, **options)
    assert np.abs(rerank(query, gallery, **options) - expected).max() < 5e-6


@settings(max_examples=150)
@given(
    seed=st.integers(0, 10**6),
    queries=st.integers(1, 8),
    gallery=st.integers(1, 40),
    length=st.integers(1, 5),
    grid=st.booleans(),  # where many pairs are equally far, and many images the same
    options=st.fixed_dictionaries(
        dict(k1=st.integers(1, 60), k2=st.integers(1, 12), lambda_value=st.floats(0, 1))
    ),
)
def test_equals_the_dense_algorithm_at_any_size(seed, queries, gallery, length, grid, options):
    rng = np.random.default_rng(seed)
    shape = queries + gallery, length
    features = rng.integers(0, 3, shape) if grid else rng.standard_normal(shape)
    query, gallery = np.split(features.astype(np.float32), [queries])
    if (features == features[0]).all():  # then the largest distance is 0, and the oracle divides
        return
    found = rerank(query, gallery, **options)
    np.testing.assert_allclose(found, rerank_densely(query, gallery, **options), rtol=0, atol=1e-5)


def test_float64_is_kept_and_exact():
    query, gallery = people(1, 20, 80, dtype=np.float64)
    found = rerank(query, gallery, k1=9)
    assert found.dtype == np.float64
    assert np.abs(found - rerank_densely(query, gallery, k1=9)).max() < 1e-12


def test_blocks_change_nothing():
    query, gallery = people(4, 150, 200)
    once = rerank(query, gallery)
    assert np.abs(once - rerank(query, gallery, memory_mb=0.01)).max() < 1e-6  # six blocks
    assert np.abs(once - rerank_densely(query, gallery)).max() < 1e-5


def test_cosine_is_that_of_normalised_features():
    query, gallery = people(5, 10, 40)
    unit = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in (query, gallery)]
    found = rerank(torch.tensor(query), torch.tensor(gallery), metric="cosine")
    assert np.abs(found - rerank_densely(*unit)).max() < 5e-6


def test_equal_features_are_no_division_by_zero():
    ones = np.ones((4, 2), np.float32)
    assert np.isfinite(rerank(ones, ones)).all()


def test_parts_of_the_lists_change_nothing(monkeypatch):
    query, gallery = people(6, 30, 90)
    once = rerank(query, gallery, k1=6)
    monkeypatch.setattr(reranking, "_ROWS", 7)
    monkeypatch.setattr(reciprocal_encoding, "_ROWS", 50)
    assert (rerank(query, gallery, k1=6, memory_mb=0.001) == once).all()
    assert np.abs(once - rerank_densely(query, gallery, k1=6)).max() < 5e-6


@settings(max_examples=50)
@given(
    seed=st.integers(0, 10**6),
    queries=st.integers(1, 12),
    gallery=st.integers(2, 60),
    junk=st.integers(0, 30),
    k1=st.integers(1, 80),
)
def test_rank_by_reranked_distances_where_junk_is_nobodys_neighbour(
    seed, queries, gallery, junk, k1
):
    query, others = people(seed, queries, gallery, dtype=np.float64)
    rng = np.random.default_rng(seed)
    (ids, other_ids), (cams, other_cams) = (
        np.split(rng.integers(0, high, queries + gallery), [queries]) for high in (5, 3)
    )
    ids += 1  # so that gallery images of person 0 are distractors
    expected = rerank_densely(query, others, k1=k1)
    ap, inp, hit = rank_by_distances(expected, ids, other_ids, cams, other_cams)
    place = rng.integers(0, gallery + 1, junk)
    others = np.insert(others, place, query[0], axis=0)
    other_ids, other_cams = np.insert(other_ids, place, -1), np.insert(other_cams, place, 9)
    found = rank(query, others, ids, other_ids, cams, other_cams, "euclidean", rerank=dict(k1=k1))
    np.testing.assert_allclose(found.ap, ap, rtol=0, atol=1e-9)
    np.testing.assert_allclose(found.inp, inp, rtol=0, atol=1e-9)
    assert found.first_hit.tolist() == hit


def test_a_gallery_of_junk_has_no_match():
    ones = np.ones((2, 2), np.float32)
    found = rank(ones, ones, [1, 2], [-1, -1], [1, 1], [2, 2], rerank=True)
    assert np.isnan(found.ap).all()


def test_errors_of_features():
    good, nan = np.ones((2, 2), np.float32), np.array([[1.0, np.nan]])
    with pytest.raises(ValueError, match="gallery features have to be finite"):
        rerank(good, nan)
    with pytest.raises(ValueError, match="query and gallery features have to have the same length"):
        rerank(good, np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"query has to be of shape \(N, D\).*got \(0, 2\)"):
        rerank(good[:0], good)
    with pytest.raises(ValueError, match="query features have to be longer than 0"):
        rerank(0 * good, good, metric="cosine")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(k1=0), "k1 has to be a whole number from 1 to .*, but got 0"),
        (dict(k2=0), "k2 has to be a whole number from 1 to"),
        (dict(lambda_value=1.5), r"lambda_value has to be in \[0, 1\], but got 1.5"),
        (dict(metric="l1"), "metric has to be one of"),
    ],
)
def test_errors(options, message):
    with pytest.raises(ValueError, match=message):
        rerank(np.ones((2, 2), np.float32), np.ones((2, 2), np.float32), **options)
