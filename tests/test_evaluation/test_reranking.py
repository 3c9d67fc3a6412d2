import numpy as np
import pytest
import torch
from oracles import rank_by_distances, rerank_densely

from mmvareid.evaluation import rank, rerank, reranking


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


@pytest.mark.parametrize("gallery", [1, 2, 5, 19, 20])
def test_gallery_smaller_than_k1(gallery):
    query, gallery = people(0, 3, gallery)
    assert np.abs(rerank(query, gallery) - rerank_densely(query, gallery)).max() < 5e-6


def test_float64_is_kept_and_exact():
    query, gallery = people(1, 20, 80, dtype=np.float64)
    found = rerank(query, gallery, k1=9)
    assert found.dtype == np.float64
    assert np.abs(found - rerank_densely(query, gallery, k1=9)).max() < 1e-12


def test_ties_take_the_lower_index():
    rng = np.random.default_rng(3)  # on a coarse grid many pairs are equally far
    query = rng.integers(0, 3, (10, 2)).astype(np.float64)
    gallery = rng.integers(0, 3, (50, 2)).astype(np.float64)
    found = rerank(query, gallery, k1=5, k2=3)
    assert np.abs(found - rerank_densely(query, gallery, k1=5, k2=3)).max() < 1e-12


def test_blocks_change_nothing():
    query, gallery = people(4, 150, 200)
    once = rerank(query, gallery)
    assert np.abs(once - rerank(query, gallery, memory_mb=0.01)).max() < 1e-6


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
    monkeypatch.setattr(reranking, "_PAIRS", 50)
    assert (rerank(query, gallery, k1=6) == once).all()
    assert np.abs(once - rerank_densely(query, gallery, k1=6)).max() < 5e-6


@pytest.mark.parametrize("seed", range(3))
def test_rank_by_reranked_distances_where_junk_is_nobodys_neighbour(seed):
    query, gallery = people(seed, 20, 80)
    rng = np.random.default_rng(seed)
    ids, cams = rng.integers(0, 5, 100), rng.integers(0, 3, 100)
    found = rank(query, gallery, ids[:20], ids[20:], cams[:20], cams[20:], "euclidean", rerank=True)
    ap, _, hit = rank_by_distances(
        rerank_densely(query, gallery), ids[:20], ids[20:], cams[:20], cams[20:]
    )
    np.testing.assert_allclose(found.ap, ap, atol=1e-9)
    assert found.first_hit.tolist() == hit
    # Junk anywhere in the gallery changes no number.
    place = rng.integers(0, 81, 30)
    more = np.insert(gallery, place, query[0], axis=0)
    more_ids, more_cams = np.insert(ids[20:], place, -1), np.insert(cams[20:], place, 9)
    again = rank(query, more, ids[:20], more_ids, cams[:20], more_cams, "euclidean", rerank=True)
    np.testing.assert_array_equal(again.ap, found.ap)


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
        (dict(k1=0), "k1 has to be at least 1, but got 0"),
        (dict(k2=0), "k2 has to be at least 1"),
        (dict(lambda_value=1.5), r"lambda_value has to be in \[0, 1\], but got 1.5"),
        (dict(metric="l1"), "metric has to be one of"),
    ],
)
def test_errors(options, message):
    with pytest.raises(ValueError, match=message):
        rerank(np.ones((2, 2), np.float32), np.ones((2, 2), np.float32), **options)
