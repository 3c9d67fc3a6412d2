from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from oracles import rank_one_by_one

from mmvareid.evaluation import (
    Descriptors,
    cross_view,
    score_tables,
    single_view,
    view_names,
    view_pairs,
    viewpoint_matrix,
    viewpoint_scores,
)


def people(seed=0, number=120, views=3, unknown=0.2):
    """Random persons 0 to 7, of whom 0 is a distractor, cameras, viewpoints, and queries."""
    rng = np.random.default_rng(seed)
    persons = rng.integers(0, 8, number)
    viewpoints = rng.integers(0, views, number)
    viewpoints[rng.random(number) < unknown] = -1
    is_query = (rng.random(number) < 0.3) & (persons > 0)
    features = torch.tensor(rng.normal(size=(number, 6)))
    return Descriptors(features, persons, rng.integers(1, 4, number), viewpoints, is_query)


arrays = st.integers(0, 40).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(0, 5), min_size=n, max_size=n).map(lambda x: np.array(x, int)),
        st.lists(st.integers(-1, 3), min_size=n, max_size=n).map(lambda x: np.array(x, int)),
        st.lists(st.booleans(), min_size=n, max_size=n).map(lambda x: np.array(x, bool)),
    )
)


@given(arrays)
def test_trials_keep_to_their_views_and_leave_unknown_ones_out(case):
    persons, views, searched = case
    for (view,), query, gallery in single_view(persons, views, searched, draws=3):
        assert (views[query] == view).all() and (views[gallery] == view).all()
        assert searched[query].all()
        assert len(set(persons[query])) == len(query)  # one image of a person
        assert sorted([*query, *gallery]) == np.flatnonzero(views == view).tolist()
    for (view,), query, gallery in cross_view(views, searched):
        assert query.tolist() == np.flatnonzero((views == view) & searched).tolist()
        assert gallery.tolist() == np.flatnonzero((views >= 0) & (views != view)).tolist()
    pairs = [views_ for views_, _, _ in view_pairs(views, searched)]
    known = sorted(set(views[views >= 0]))
    assert pairs == [(a, b) for a in known for b in known]


def test_draws_are_seeded_and_differ():
    test = people()
    arguments = (test.persons, test.viewpoints, test.persons > 0)
    once = [query.tolist() for _, query, _ in single_view(*arguments)]
    assert len(once) == 30 and once[0] != once[1]
    assert once == [query.tolist() for _, query, _ in single_view(*arguments)]
    assert once != [query.tolist() for _, query, _ in single_view(*arguments, seed=1)]


def naive_score(test, query, gallery):
    """Mean AP and Rank-1 in percent by the slow oracle."""
    ap, _, hit = rank_one_by_one(
        *(test.features[query], test.features[gallery]),
        *(test.persons[query], test.persons[gallery]),
        *(test.cameras[query], test.cameras[gallery]),
    )
    return 100 * np.nanmean(ap), 100 * np.mean([h == 0 for h in hit if h >= 0])


def test_scores_equal_a_loop_over_the_definition():
    test = people()
    scores = viewpoint_scores(test)
    searched = set(test.persons[test.is_query])
    d = [i for i in range(120) if test.viewpoints[i] >= 0]
    for a, front in enumerate(view_names(3)):
        query = [i for i in d if test.viewpoints[i] == a and test.persons[i] in searched]
        others = [i for i in d if test.viewpoints[i] != a]
        m_ap, rank_1 = naive_score(test, query, others)
        assert scores[f"cross/{front}/mAP"] == pytest.approx(m_ap)
        assert scores[f"cross/{front}/Rank-1"] == pytest.approx(rank_1)
        for b, back in enumerate(view_names(3)):
            m_ap, rank_1 = naive_score(test, query, [i for i in d if test.viewpoints[i] == b])
            assert scores[f"pair/{front}-{back}/mAP"] == pytest.approx(m_ap)
            assert scores[f"pair/{front}-{back}/Rank-1"] == pytest.approx(rank_1)
    maps = [scores[f"pair/{a}-{b}/mAP"] for a in view_names(3) for b in view_names(3)]
    assert scores["pair/worst/mAP"] == min(maps)
    assert scores["pair/gap/mAP"] == pytest.approx(max(maps) - min(maps))
    crosses = [scores[f"cross/{name}/mAP"] for name in view_names(3)]
    assert scores["cross/worst/mAP"] == min(crosses)
    singles = [scores[f"single/{name}/mAP"] for name in view_names(3)]
    assert scores["single/mean/mAP"] == pytest.approx(np.mean(singles))


def test_perfect_features_score_all_and_have_no_gap():
    test = people()
    perfect = torch.eye(8, dtype=torch.float64)[torch.as_tensor(test.persons)]
    scores = viewpoint_scores(replace(test, features=perfect))
    unknown = scores.pop("unknown_viewpoints")
    assert unknown == (test.viewpoints < 0).sum() > 0
    assert {v for k, v in scores.items() if "gap" not in k} == {100.0}
    assert {v for k, v in scores.items() if "gap" in k} == {0.0}


def test_a_view_without_matches_is_left_out():
    test = Descriptors(
        torch.eye(4),
        persons=np.array([1, 1, 2, 2]),
        cameras=np.array([1, 2, 1, 2]),
        viewpoints=np.array([0, 0, 0, 1]),
        is_query=np.array([True, False, True, False]),
    )
    scores = viewpoint_scores(test)
    assert "single/side/mAP" not in scores and "single/front/mAP" in scores
    assert np.isnan(viewpoint_matrix(test)["mAP"][1, 1])
    assert "pair/side-side/mAP" not in scores


def test_views_beyond_three_have_numbers():
    assert view_names(2) == ("front", "side")
    assert view_names(5) == ("view0", "view1", "view2", "view3", "view4")
    assert "cross/view4/mAP" in viewpoint_scores(people(views=5))


def pairs_of(scores):
    pairs = {name.split("/")[2] for name in scores if "/pair/" in name}
    return sorted(pairs - {"mean", "worst", "gap"})


def test_tables_show_what_there_is():
    scores = {f"reid/{name}": value for name, value in viewpoint_scores(people()).items()}
    plain = {"reid/mAP": 12.345, "reid/Rank-1": 50.0}
    assert [table.row_count for table in score_tables(plain)] == [1]
    whole, by_view, pairs = score_tables({**plain, "reid/rerank/mAP": 1.0, **scores})
    assert [*whole.columns[0].cells] == ["all images", "re-ranked"]
    assert [*whole.columns[2].cells] == ["50.00", "-"]
    assert by_view.row_count == 2 * (3 + 3) and pairs.row_count == 3
    worst = min(pairs_of(scores), key=lambda pair: scores[f"reid/pair/{pair}/mAP"])
    assert f"worst by mAP: {worst}\n" in pairs.caption
    assert f"{int(scores['reid/unknown_viewpoints'])} images of unknown" in pairs.caption
    rates = {"TPR@FPR=0.01": 60.0, "threshold@FPR=0.01": 0.51234, "TPR@FPR=0.0001": 5.0}
    rates = {f"duke/verification/{name}": value for name, value in rates.items()}
    duke, rates = score_tables({"duke/mAP": 12.345, "duke/other/mAP": 3.0, **rates})
    assert [*duke.columns[0].cells] == ["all images", "other"] and len(duke.columns) == 2
    assert [[*column.cells] for column in rates.columns] == [
        ["1 %", "0.01 %"], ["60.00", "5.00"], ["0.5123", "-"]
    ]  # fmt: skip
