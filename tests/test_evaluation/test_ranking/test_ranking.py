import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import rank_one_by_one

from mmvareid.evaluation import rank
from mmvareid.evaluation.ranking import counting


def make(seed, queries=20, gallery=100, length=16, people=8, cameras=3, kind="signs"):
    """Random features, ids and cameras, with junk (-1), distractors (0), and ties if not 'real'.

    Products of 'signs' and 'integers' are exact in float32, so their ties are true ties. The signs
    have all the same length too, as cosine needs for that.
    """
    rng = np.random.default_rng(seed)
    shapes = (queries, length), (gallery, length)
    if kind == "signs":
        features = [rng.choice([-1.0, 1.0], shape) for shape in shapes]
    elif kind == "integers":
        features = [rng.integers(-2, 3, shape).astype(float) for shape in shapes]
    else:
        features = [rng.standard_normal(shape) for shape in shapes]
    ids = rng.integers(1, people + 1, queries), rng.integers(-1, people, gallery)
    cams = rng.integers(0, cameras, queries), rng.integers(0, cameras, gallery)
    return [feature.astype(np.float32) for feature in features] + [*ids, *cams]


def assert_same(found, expected, atol=1e-9):
    """Compare with another Ranking or the oracle's triple."""
    if not isinstance(expected, tuple):
        expected = expected.ap, expected.inp, expected.first_hit
    np.testing.assert_allclose(found.ap, expected[0], rtol=0, atol=atol)
    np.testing.assert_allclose(found.inp, expected[1], rtol=0, atol=atol)
    np.testing.assert_array_equal(found.first_hit, expected[2])


@settings(max_examples=150)
@given(
    seed=st.integers(0, 10**6),
    queries=st.integers(1, 12),
    gallery=st.integers(1, 80),
    length=st.sampled_from([1, 4, 16]),  # sqrt is whole: all cosines are exact
    people=st.integers(1, 10),
    cameras=st.integers(1, 4),
    metric=st.sampled_from(["cosine", "euclidean"]),
    ap=st.sampled_from(["rectangular", "trapezoid"]),
)
def test_equals_the_oracle(seed, queries, gallery, length, people, cameras, metric, ap):
    data = make(seed, queries, gallery, length, people, cameras)
    assert_same(rank(*data, metric, ap), rank_one_by_one(*data, metric, ap))


@pytest.mark.parametrize("few", [0, 64])
def test_many_matches_and_several_chunks(few, monkeypatch):
    monkeypatch.setattr(counting, "_FEW", few)  # 0: always by search
    monkeypatch.setattr(counting, "_CHUNK", 100)
    data = make(0, queries=30, gallery=350, people=3, kind="integers")
    assert_same(rank(*data, "euclidean"), rank_one_by_one(*data, "euclidean"))
    data = make(1, queries=30, gallery=350, people=30, kind="signs")
    assert_same(rank(*data), rank_one_by_one(*data))


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_float64_input_is_computed_in_float64(metric):
    data = make(3, kind="real")
    data[:2] = [feature.astype(np.float64) for feature in data[:2]]
    data[1][50:] = data[1][49] + 1e-9 * data[1][50:]  # apart in float64 only
    assert_same(rank(*data, metric), rank_one_by_one(*data, metric))


def duplicated(seed, queries, gallery, length):
    """Real features with each a third of the gallery equal to another row, mostly of others."""
    data = make(seed, queries, gallery, length, people=gallery // 20, kind="real")
    rng = np.random.default_rng(seed + 1)
    copies = rng.permutation(gallery)[: gallery // 3]
    data[1][copies] = data[1][rng.integers(0, gallery, len(copies))]
    return data


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize(
    ("queries", "gallery", "length"),
    [(1, 65, 2048), (7, 15913, 2048), (65, 2049, 300), (130, 4097, 257), (64, 1001, 512)],
)
def test_order_of_gallery_and_queries_changes_nothing(queries, gallery, length, threads):
    data = duplicated(5, queries, gallery, length)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        expected = rank(*data)
        for seed in range(3):
            rng = np.random.default_rng(seed)
            q, g = rng.permutation(queries), rng.permutation(gallery)
            query, feats, query_ids, ids, query_cams, cams = data
            found = rank(query[q], feats[g], query_ids[q], ids[g], query_cams[q], cams[g])
            for name in ("ap", "inp", "first_hit", "num_matches", "num_ignored"):
                np.testing.assert_array_equal(getattr(found, name), getattr(expected, name)[q])
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("order", ["C", "F"])  # rows, or columns, together in memory
@pytest.mark.parametrize("gallery", [15, 16, 17, 64, 65, 2048, 2049, 15913])
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_equal_features_tie_wherever_they_stand(gallery, metric, order):
    torch.manual_seed(0)
    features = np.array(torch.randn(1, 2048).expand(gallery, -1), order=order)
    ids = torch.zeros(gallery, dtype=torch.int64)
    ids[torch.randperm(gallery)[:5]] = 1
    zeros = torch.zeros_like(ids)
    found = rank(torch.randn(3, 2048), features, [1] * 3, ids, [9] * 3, zeros, metric)
    np.testing.assert_array_equal(found.first_hit, gallery - 5)
    np.testing.assert_array_equal(found.inp, 5 / gallery)


def test_the_memory_of_a_block_changes_nothing():
    data = make(8, queries=500, gallery=3000, length=96, people=100, kind="real")
    expected = rank(*data, memory_mb=1000)
    for memory in (0, 1, 2.5):
        found = rank(*data, memory_mb=memory)
        np.testing.assert_array_equal(found.ap, expected.ap)
        np.testing.assert_array_equal(found.inp, expected.inp)
        np.testing.assert_array_equal(found.first_hit, expected.first_hit)


def test_limit_cases():
    people, cams = np.arange(10), np.zeros(10, dtype=int)
    eye = np.eye(10, dtype=np.float32)
    perfect = rank(eye, eye, people, people, cams, cams + 1)
    assert perfect.summary((1, 5)) == {"mAP": 100, "mINP": 100, "Rank-1": 100, "Rank-5": 100}
    worst = rank(eye, -eye, people, people, cams, cams + 1)  # the match is the last of ten
    np.testing.assert_allclose(worst.ap, 0.1)
    assert worst.summary((1, 9, 10)) == pytest.approx(
        {"mAP": 10, "mINP": 10, "Rank-1": 0, "Rank-9": 0, "Rank-10": 100}
    )


def test_worked_example():
    # Ranked: match, other, match, other, other, match. Precisions 1, 2/3, 1/2.
    gallery = torch.tensor([[6.0], [5], [4], [3], [2], [1]])
    args = (torch.tensor([[6.0]]), gallery, [1], [1, 2, 1, 0, 2, 1], [0], [1] * 6, "euclidean")
    found = rank(*args)
    np.testing.assert_allclose(found.ap, (1 + 2 / 3 + 1 / 2) / 3)
    np.testing.assert_allclose(found.inp, 1 / 2)
    # The precisions just before the matches: 1, 1/2, 2/5.
    trapezoid = rank(*args, ap="trapezoid").ap
    np.testing.assert_allclose(trapezoid, (1 + (2 / 3 + 1 / 2) / 2 + (1 / 2 + 2 / 5) / 2) / 3)


def test_queries_without_match_are_left_out_of_the_means():
    eye = torch.eye(3)
    found = rank(eye, eye, [1, 2, 3], [1, 2, 9], [0, 0, 0], [1, 0, 1])
    np.testing.assert_array_equal(found.ap, [1, np.nan, np.nan])
    np.testing.assert_array_equal(found.first_hit, [0, -1, -1])
    np.testing.assert_array_equal(found.num_ignored, [0, 1, 0])
    assert found.summary((1,)) == {"mAP": 100, "mINP": 100, "Rank-1": 100}
    assert all(type(value) is float for value in found.summary().values())


def test_euclidean_equals_cosine_on_unit_features():
    data = make(11, kind="real")
    data[:2] = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in data[:2]]
    assert_same(rank(*data, "euclidean"), rank(*data, "cosine"))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_as_float32(dtype):
    data = make(12, kind="real")
    half = [torch.from_numpy(feature).to(dtype) for feature in data[:2]]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = rank(*half, *data[2:])
    assert_same(found, rank(*(x.float() for x in half), *data[2:]))


def test_accepts_tensors_arrays_and_lists():
    data = make(13)
    expected = rank(*data)
    assert_same(rank(*(torch.from_numpy(x) for x in data)), expected)
    assert_same(rank(*data[:2], *(x.tolist() for x in data[2:])), expected)
    assert_same(
        rank(np.asfortranarray(data[0]), torch.tensor(data[1]).requires_grad_(), *data[2:]),
        expected,
    )


def test_summary_says_why_no_query_has_a_match():
    eye = torch.eye(2)
    with pytest.raises(ValueError, match="none of 2 has: every match has the query's camera: is"):
        rank(eye, eye, [1, 2], [1, 2], [0, 0], [0, 0]).summary()
    with pytest.raises(ValueError, match="none of 2 has: no query's person is in the gallery"):
        rank(eye, eye, [1, 2], [3, 4], [0, 0], [1, 1]).summary()
    with pytest.raises(ValueError, match=r"topk has to hold ranks from 1 on, but got \(0,\)"):
        rank(eye, eye, [1, 2], [1, 2], [0, 0], [1, 1]).summary((0,))


def with_row(value, length=4):
    features = torch.ones(length, 3)
    features[2, 1:] = value
    features[2, 0] = 0
    return features


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"query": with_row(torch.nan)}, "query features have to be finite.*1 of 4 rows.*index 2"),
        ({"gallery": with_row(torch.inf)}, "gallery features have to be finite.*1 of 4.*index 2"),
        (
            {"gallery": with_row(0)},
            "gallery features have to be longer than 0.*1 zero rows of 4.*2",
        ),
        ({"query": with_row(0)}, "query features have to be longer than 0.*1 zero rows of 4.*2"),
        ({"query": torch.ones(4, 5)}, "same length, but got 5 and 3"),
        ({"query": torch.ones(0, 3)}, r"query has to be of shape \(N, D\).*\(0, 3\)"),
        ({"gallery": torch.ones(0, 3)}, r"gallery has to be of shape \(N, D\).*\(0, 3\)"),
        ({"gallery": torch.ones(4)}, r"gallery has to be of shape \(N, D\).*\(4,\)"),
        ({"gallery": torch.ones(4, 3).int()}, "floating type, but got torch.int32"),
        ({"gallery": [[1.0, 0, 0]]}, "gallery has to be a tensor or an array, but got list"),
        ({"gallery_ids": [1, 2, 3]}, r"gallery_ids has to be of shape \(4,\).*\(3,\)"),
        ({"query_cams": [1.0, 2, 3, 4]}, "query_cams has to hold integers, but got float64"),
        ({"metric": "dot"}, r"metric has to be one of \('cosine', 'euclidean'\), but got 'dot'"),
        ({"ap": "mean"}, "ap has to be one of .*, but got 'mean'"),
    ],
)
def test_errors(change, message):
    features, ids = torch.ones(4, 3), [1, 2, 3, 4]
    arguments = dict(query=features, gallery=features, query_ids=ids, gallery_ids=ids)
    arguments.update(query_cams=ids, gallery_cams=ids)
    with pytest.raises(ValueError, match=message):
        rank(**(arguments | change))


def test_euclidean_accepts_a_zero_feature():
    data = make(14, kind="integers")
    data[1][3] = 0
    assert_same(rank(*data, "euclidean"), rank_one_by_one(*data, "euclidean"))
