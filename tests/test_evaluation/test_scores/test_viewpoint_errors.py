import numpy as np
import pytest
import torch
from test_protocols import people

from mmvareid.evaluation import Descriptors, score_tables, viewpoint_errors


def naive_errors(test):
    """Pair by pair: every wrong image at least as similar as a match."""
    shares = []
    for q in np.flatnonzero(test.is_query & (test.viewpoints >= 0)):
        gallery = np.flatnonzero(~test.is_query & (test.viewpoints >= 0))
        cosine = torch.cosine_similarity(test.features[q], test.features)
        own = total = 0
        wrong = [g for g in gallery if test.persons[g] != test.persons[q]]
        for match in gallery:
            if test.persons[match] != test.persons[q] or test.cameras[match] == test.cameras[q]:
                continue
            for g in wrong:
                if cosine[g] >= cosine[match]:
                    total += 1
                    own += test.viewpoints[g] == test.viewpoints[q]
        if total:
            chance = np.mean([test.viewpoints[g] == test.viewpoints[q] for g in wrong])
            shares.append((own / total, chance))
    return 100 * np.mean(shares, axis=0)


@pytest.mark.parametrize("seed", range(3))
def test_errors_equal_a_loop_over_the_definition(seed):
    test = people(seed)
    found = viewpoint_errors(test, memory_mb=0)
    expected = naive_errors(test)
    assert list(found) == ["errors/same_view", "errors/by_chance"]
    np.testing.assert_allclose(list(found.values()), expected)


def by_views(strength):
    """Forty people seen from three sides by two cameras; views say as much of a feature as told."""
    rng = np.random.default_rng(0)
    persons, cameras, views = (x.ravel() for x in np.indices((40, 2, 3)))
    features = rng.normal(size=(240, 8)) + 2 * rng.normal(size=(40, 8))[persons]
    features += strength * rng.normal(size=(3, 8))[views]
    return Descriptors(torch.tensor(features), persons, cameras, views, cameras == 0)


def test_features_that_tell_the_view_err_within_it():
    blind, biased = viewpoint_errors(by_views(0)), viewpoint_errors(by_views(3))
    for found in (blind, biased):
        assert found["errors/by_chance"] == pytest.approx(100 / 3)
    assert abs(blind["errors/same_view"] - 100 / 3) < 4
    assert biased["errors/same_view"] > 60


def test_nothing_is_told_without_errors_or_viewpoints():
    persons, views = np.array([1, 2, 1, 2]), np.array([0, 1, 2, 0])
    is_query, cameras = np.array([True, True, False, False]), np.array([1, 1, 2, 2])
    perfect = torch.eye(2)[torch.tensor(persons) - 1]
    assert viewpoint_errors(Descriptors(perfect, persons, cameras, views, is_query)) == {}
    unknown = Descriptors(perfect, persons, cameras, np.full(4, -1), is_query)
    assert viewpoint_errors(unknown) == {}


def test_the_table_says_it_in_a_sentence():
    scores = {
        "reid/mAP": 50.0,
        "reid/cross/mean/mAP": 40.0,
        "reid/errors/same_view": 36.7,
        "reid/errors/by_chance": 33.3,
    }
    _, views = score_tables(scores)
    assert views.caption == "37 % of the errors share the query's viewpoint, 33 % would by chance"
