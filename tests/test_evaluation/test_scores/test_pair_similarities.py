"""Shares of pairs above a similarity against loops over all pairs."""

from unittest import mock

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from mmvareid.evaluation import Descriptors, PairSimilarities, verification_rates
from mmvareid.visualization import plot_pairs


def people(seed, number=40, images=6, spread=0.9):
    """Images of people in two cameras, a third of them queries."""
    rng = np.random.default_rng(seed)
    persons = np.repeat(np.arange(number), images)
    features = rng.normal(size=(number, 16))[persons] + spread * rng.normal(size=(len(persons), 16))
    cameras, asks = np.arange(len(persons)) % 2, np.arange(len(persons)) % 3 == 0
    unknown = np.full(len(persons), -1)
    return Descriptors(torch.tensor(features), persons, cameras, unknown, asks)


@pytest.fixture(scope="module")
def whole():
    return people(0)


def pairs_by_loop(table):
    rows = torch.nn.functional.normalize(table.features, dim=1).numpy()
    positives, negatives = [], []
    for i in np.flatnonzero(table.is_query):
        for j in np.flatnonzero(~table.is_query):
            if table.persons[i] != table.persons[j]:
                negatives.append(rows[i] @ rows[j])
            elif table.cameras[i] != table.cameras[j]:
                positives.append(rows[i] @ rows[j])
    return np.array(positives), np.array(negatives)


def test_shares_are_those_of_a_loop(whole):
    found = PairSimilarities.of_table(whole)
    positives, negatives = pairs_by_loop(whole)
    assert (found.positives.sum(), found.negatives.sum()) == (len(positives), len(negatives))
    for at in (-1, -0.3123456, 0, 0.5, 0.98765, 1):
        share = found.impostors_above(at)
        assert (negatives >= at).mean() <= share <= (negatives >= at - 1.1e-4).mean()
        share = found.accepted_above(at)
        assert (positives > at + 1e-4).mean() <= share <= (positives > at - 1e-6).mean()
    assert found.impostors_above(np.array([[-1.0, 1.0]])).tolist() == [[1.0, 0.0]]


@pytest.mark.parametrize("rate", [0.001, 0.01, 0.2])
def test_thresholds_are_those_of_the_rates(whole, rate):
    found = PairSimilarities.of_table(whole)
    threshold = found.threshold(rate)
    _, negatives = pairs_by_loop(whole)
    assert (negatives > threshold).mean() <= rate
    assert (negatives > threshold - 2e-4).mean() > rate - 2 / len(negatives)
    exact = verification_rates(whole, [rate])[f"threshold@FPR={rate:g}"]
    assert threshold == pytest.approx(exact, abs=2e-4)


@pytest.mark.parametrize("seed", range(4))
def test_a_threshold_chosen_on_some_people_holds_for_others(seed):
    threshold = PairSimilarities.of_table(people(2 * seed, 150)).threshold(0.01)
    others = PairSimilarities.of_table(people(2 * seed + 1, 150))
    assert 0.005 < others.impostors_above(threshold) < 0.02


def test_equal_vectors_are_equal_pairs():
    """Which stands first in a product decides how it is rounded."""
    for seed in range(50):
        a, b = torch.randn(2, 33, generator=torch.Generator().manual_seed(seed))
        # a and b are one person in the first pair, two people in the second.
        table = Descriptors(
            torch.stack([a, b, b, a]),
            np.array([1, 2, 1, 3]),
            np.array([0, 0, 1, 1]),
            np.full(4, -1),
            np.arange(4) < 2,
        )
        negative = torch.nn.functional.cosine_similarity(b, a, dim=0).item()
        # Of the three pairs of two people, b and a are the third after those of equal vectors.
        found = verification_rates(table, [0.7])
        assert found["threshold@FPR=0.7"] == pytest.approx(negative, abs=1e-5)
        assert found["TPR@FPR=0.7"] == 0, seed


def test_a_file_keeps_it_and_its_model(whole, tmp_path):
    found = PairSimilarities.of_table(whole)
    path = tmp_path / "pairs.npz"
    found.save(path)
    again = PairSimilarities.load(path, "abc")  # features do not know their model
    assert again.threshold(0.01) == found.threshold(0.01) and again.fingerprint == ""
    PairSimilarities(found.positives, found.negatives, "abc").save(path)
    assert PairSimilarities.load(path, "abc").fingerprint == "abc"
    with pytest.raises(ValueError, match="of the model 'abc', but they are asked for 'x'"):
        PairSimilarities.load(path, "x")
    np.savez(path, positives=found.positives[:5], negatives=found.negatives)
    with pytest.raises(ValueError, match="has to hold similarities of pairs"):
        PairSimilarities.load(path)


def test_what_cannot_be_told(whole):
    found = PairSimilarities.of_table(whole)
    total = found.negatives.sum()
    for rate, message in ((0, "between 0 and 1, but got 0"), (1e-9, f"at least 1 / {total}")):
        with pytest.raises(ValueError, match=message):
            found.threshold(rate)
    alone = Descriptors(
        torch.eye(4), np.array([1, 2, 3, 4]), np.zeros(4, int), np.full(4, -1), np.arange(4) < 2
    )
    with pytest.raises(ValueError, match="a pair of one person in two cameras, but there is none"):
        PairSimilarities.of_table(alone)


def test_the_picture_shows_both_and_the_thresholds_that_can_be_told(whole, tmp_path):
    found = PairSimilarities.of_table(whole)
    with mock.patch.object(Figure, "savefig", autospec=True) as save:
        plot_pairs(found, tmp_path / "a.png", (1e-9, 0.01, 0.1))
    shares, curves = save.call_args.args[0].axes
    for part in shares.patches:
        assert part.get_data().values.sum() == pytest.approx(100)
    texts = [f"{100 * rate:g} %\n{found.threshold(rate):.3f}" for rate in (0.01, 0.1)]
    assert [text.get_text() for text in curves.texts] == texts
