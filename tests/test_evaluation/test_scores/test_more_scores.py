"""Expansion, pooling, verification and single gallery shots against loops over definitions."""

import numpy as np
import pytest
import torch

from mmvareid.evaluation import (
    Descriptors,
    Scoring,
    expand_queries,
    pool_queries,
    single_shot_scores,
    verification_rates,
)


def table(seed=0, number=90, people=8, junk=True):
    rng = np.random.default_rng(seed)
    persons = rng.integers(-1 if junk else 0, people, number)
    features = rng.normal(size=(people + 1, 6))[persons] + 0.8 * rng.normal(size=(number, 6))
    return Descriptors(
        torch.tensor(features, dtype=torch.float64),
        persons,
        rng.integers(0, 3, number),
        rng.integers(-1, 3, number),
        (rng.random(number) < 0.3) & (persons >= 0),
    )


def unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


@pytest.mark.parametrize(("k", "alpha"), [(1, 0.0), (5, 0.0), (5, 3.0), (200, 1.0)])
def test_expansion_is_the_weighted_mean_of_what_is_found(k, alpha):
    rng = np.random.default_rng(0)
    query, gallery = rng.normal(size=(7, 6)), rng.normal(size=(30, 6))
    found = expand_queries(query, gallery, k, alpha).numpy()
    for row, one in zip(found, unit(query), strict=True):
        cosine = unit(gallery) @ one
        first = np.argsort(-cosine)[:k]
        mean = one + (cosine[first].clip(0) ** alpha) @ unit(gallery)[first]
        np.testing.assert_allclose(row, unit(mean), atol=1e-12)


def test_pooled_queries_are_means_of_a_person_in_a_camera():
    whole = table()
    pooled = pool_queries(whole)
    groups = sorted(
        {(p, c) for p, c, q in zip(whole.persons, whole.cameras, whole.is_query, strict=True) if q}
    )
    assert pooled.is_query.sum() == len(groups) < whole.is_query.sum()
    for i, (person, camera) in enumerate(groups):
        mine = whole.is_query & (whole.persons == person) & (whole.cameras == camera)
        expected = unit(whole.features[mine].numpy()).mean(axis=0)
        np.testing.assert_allclose(pooled.features[i], expected, atol=1e-12)
        views = set(whole.viewpoints[mine])
        assert pooled.viewpoints[i] == (views.pop() if len(views) == 1 else -1)
    assert pooled.persons[len(groups) :].tolist() == whole.persons[~whole.is_query].tolist()


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_pooling_single_queries_changes_no_number(metric):
    whole = table(3)
    first = {}
    for i in np.flatnonzero(whole.is_query):
        first.setdefault((whole.persons[i], whole.cameras[i]), i)
    kept = np.flatnonzero(~whole.is_query | np.isin(np.arange(len(whole)), [*first.values()]))
    features, persons, cameras = whole.select(kept)
    alone = Descriptors(features, persons, cameras, whole.viewpoints[kept], whole.is_query[kept])
    assert pool_queries(alone, metric).rank(metric=metric).summary() == pytest.approx(
        alone.rank(metric=metric).summary()
    )


@pytest.mark.parametrize(("number", "memory_mb"), [(90, 64), (900, 1e-3)])  # one block, and four
@pytest.mark.parametrize("seed", range(3))
def test_verification_counts_pairs_above_the_threshold(seed, number, memory_mb):
    whole = table(seed, number)
    rates = (0.003, 0.05, 0.4)
    positives, negatives = [], []
    x = unit(whole.features.numpy())
    for i in np.flatnonzero(whole.is_query):
        for j in np.flatnonzero(~whole.is_query & (whole.persons != -1)):
            if whole.persons[i] != whole.persons[j]:
                negatives.append(x[i] @ x[j])
            elif whole.cameras[i] != whole.cameras[j]:
                positives.append(x[i] @ x[j])
    negatives = np.sort(negatives)[::-1]
    assert number == 90 or whole.is_query.sum() > 3 * 64
    found = verification_rates(whole, rates, memory_mb)
    for rate in rates:
        threshold = negatives[int(rate * len(negatives) + 1e-6)]
        assert (negatives > threshold).mean() <= rate
        assert found[f"TPR@FPR={rate:g}"] == pytest.approx(100 * np.mean(positives > threshold))


def test_verification_errors():
    with pytest.raises(ValueError, match=r"rates has to hold values between 0 and 1, but got \(2,"):
        verification_rates(table(), (2, 0.1))
    alone = Descriptors(
        torch.eye(4), np.array([1, 2, 3, 4]), np.zeros(4, int), np.full(4, -1), np.arange(4) < 2
    )
    with pytest.raises(ValueError, match="a pair of one person in two cameras, but there is none"):
        verification_rates(alone)


def test_single_shot_draws_from_other_cameras_for_each_query():
    whole = table(number=400)
    rng = np.random.default_rng(0)
    x = unit(whole.features.numpy())
    shares = []  # of a query in a draw, by a loop over queries and a rule of its own
    for i in np.flatnonzero(whole.is_query):
        others = ~whole.is_query & (whole.persons != -1) & (whole.cameras != whole.cameras[i])
        people = {
            person: np.flatnonzero(others & (whole.persons == person))
            for person in set(whole.persons[others])
        }
        if whole.persons[i] in people:
            for _ in range(40):
                best = max(people, key=lambda person: x[rng.choice(people[person])] @ x[i])
                shares.append(best == whole.persons[i])
    found = single_shot_scores(whole, (1, len(set(whole.persons))), draws=40)
    assert found["Rank-1"] == pytest.approx(100 * np.mean(shares), abs=2)
    assert found[f"Rank-{len(set(whole.persons))}"] == 100


def test_single_shot_of_one_person():
    alone = Descriptors(torch.eye(3), [1] * 3, [1, 1, 2], [-1] * 3, [True, False, False])
    assert single_shot_scores(alone, (1,)) == {"Rank-1": 100}
    with pytest.raises(ValueError, match="a query whose person another camera shows"):
        single_shot_scores(Descriptors(torch.eye(2), [1, 1], [1, 1], [-1, -1], [True, False]))


def test_scoring_has_a_switch_for_each():
    whole = table()
    scores = Scoring(
        topk=(1,), expand=dict(k=3), pool_queries=True, verification=True, single_shot=True
    ).score(whole)
    assert {"mAP", "expanded/mAP", "verification/TPR@FPR=0.001", "single_shot/Rank-1"} <= set(
        scores
    )
    assert scores["mAP"] == Scoring(topk=(1,)).score(pool_queries(whole))["mAP"]
    trapezoid = Scoring(ap="trapezoid").score(whole)["mAP"]
    assert trapezoid == whole.rank(ap="trapezoid").summary()["mAP"]
    with pytest.raises(ValueError, match=r"expand has to be of \['k', 'alpha'\], but got \['n'\]"):
        Scoring(expand=dict(n=3))


def test_junk_takes_no_part_in_expansion():
    whole = table(1)
    kept = np.flatnonzero(whole.persons != -1)
    features, persons, cameras = whole.select(kept)
    clean = Descriptors(features, persons, cameras, whole.viewpoints[kept], whole.is_query[kept])
    assert len(kept) < len(whole)
    assert Scoring(expand=True).score(whole) == Scoring(expand=True).score(clean)


@pytest.mark.parametrize(
    ("switch", "message"),
    [
        (dict(rerank=None), "rerank has to be True, False or a dict, but got None"),
        (dict(rerank=dict(k1=4.5)), "k1 has to be a whole number from 1 to .*, but got 4.5"),
        (dict(expand=1), "expand has to be True, False or a dict, but got 1"),
        (dict(expand=dict(k=0)), "k has to be a whole number of at least 1, but got 0"),
        (dict(expand=dict(alpha=-1)), "alpha has to be at least 0"),
        (dict(topk=0.5), "topk has to hold ranks from 1 on, but got 0.5"),
        (dict(viewpoints="yes"), "viewpoints has to be a bool, but got 'yes'"),
        (dict(ap="area"), "ap has to be one of .* but got 'area'"),
    ],
)
def test_bad_switches_are_told_before_anything_is_scored(switch, message):
    with pytest.raises(ValueError, match=message):
        Scoring(**switch)
