import json
from pathlib import Path

import pytest
import torch
import torch.distributed
import torch.multiprocessing
from mmengine.dataset import DefaultSampler
from mmengine.structures import BaseDataElement

from mmvareid.evaluation import Descriptors, ReIDMetric, Scoring, metric, rank
from mmvareid.registry import METRICS

NUM_SAMPLES = 151  # odd: two processes pad


def make_samples():
    """Queries and gallery mixed, as dicts such as MMEngine's evaluator passes."""
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(NUM_SAMPLES, 8, generator=generator)
    people = torch.randint(0, 9, (NUM_SAMPLES,), generator=generator)
    cameras = torch.randint(0, 3, (NUM_SAMPLES,), generator=generator)
    return [
        BaseDataElement(
            feature=features[i],
            metainfo=dict(
                person_id=int(people[i]),
                camera_id=int(cameras[i]),
                viewpoint=0,
                is_query=i % 4 == 0,
            ),
        ).to_dict()
        for i in range(NUM_SAMPLES)
    ]


def evaluate(samples, indices, size, **options):
    """Process in batches of four, then evaluate."""
    metric = METRICS.build(dict(type="mmvareid.ReIDMetric", device="cpu", **options))
    indices = list(indices)
    for start in range(0, len(indices), 4):
        metric.process(None, [samples[i] for i in indices[start : start + 4]])
    return metric.evaluate(size)


def evaluate_in_a_group(process, folder, round_up):
    """Evaluate the share of one of two processes; write what it is told."""
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/group", rank=process, world_size=2
    )
    samples = make_samples()
    share = list(DefaultSampler(samples, shuffle=False, round_up=round_up))
    assert len(share) == NUM_SAMPLES // 2 + (round_up or process == 0)
    found = evaluate(samples, share, NUM_SAMPLES)
    Path(f"{folder}/{process}.json").write_text(json.dumps(found))
    torch.distributed.destroy_process_group()


@pytest.mark.parametrize("round_up", [True, False])
def test_two_processes_give_the_numbers_of_one(tmp_path, round_up):
    expected = evaluate(make_samples(), range(NUM_SAMPLES), NUM_SAMPLES)
    torch.multiprocessing.spawn(evaluate_in_a_group, (str(tmp_path), round_up), nprocs=2)
    for process in range(2):
        assert json.loads((tmp_path / f"{process}.json").read_text()) == expected


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_equals_rank(metric):
    samples = make_samples()
    halves = [[s for s in samples if s["is_query"] is flag] for flag in (True, False)]
    arguments = [torch.stack([s["feature"] for s in half]) for half in halves]
    for field in ("person_id", "camera_id"):
        arguments += [[s[field] for s in half] for half in halves]
    expected = rank(*arguments, metric=metric).summary((1, 3))
    found = evaluate(samples, range(NUM_SAMPLES), NUM_SAMPLES, metric=metric, topk=(1, 3))
    assert found == {f"reid/{name}": value for name, value in expected.items()}
    assert all(type(value) is float for value in found.values())


def test_a_batch_elsewhere_is_fetched_at_once():
    samples = [{"feature": torch.ones(3, device="meta")} for _ in range(4)]
    with pytest.raises(NotImplementedError, match="meta"):  # which has no values to fetch
        metric._on_host(samples)
    here = [{"feature": torch.ones(3)}, {}]
    assert metric._on_host(here) is here


def test_names_and_prefix():
    found = evaluate(make_samples(), range(NUM_SAMPLES), NUM_SAMPLES)
    assert list(found) == [f"reid/{x}" for x in ("mAP", "mINP", "Rank-1", "Rank-5", "Rank-10")]
    found = evaluate(make_samples(), range(NUM_SAMPLES), NUM_SAMPLES, prefix="duke", topk=[2])
    assert list(found) == ["duke/mAP", "duke/mINP", "duke/Rank-2"]


def test_reranking_and_viewpoints_are_switches():
    samples = make_samples()
    halves = [[s for s in samples if s["is_query"] is flag] for flag in (True, False)]
    features = [torch.stack([s["feature"] for s in half]) for half in halves]
    ids = [[s[key] for s in half] for key in ("person_id", "camera_id") for half in halves]
    found = evaluate(
        samples, range(NUM_SAMPLES), NUM_SAMPLES, rerank=dict(k1=5), viewpoints=True, topk=(1,)
    )
    plain, again = (rank(*features, *ids, rerank=r).summary((1,)) for r in (False, dict(k1=5)))
    assert [found[f"reid/{name}"] for name in plain] == [*plain.values()]
    assert [found[f"reid/rerank/{name}"] for name in plain] == [*again.values()]
    assert plain != again
    # all are of view 0: it is the only one
    assert {key for key in found if "/single/" in key} == {
        f"reid/single/{view}/{name}"
        for view in ("front", "mean", "worst", "gap")
        for name in ("mAP", "Rank-1", "Rank-5")
    }


def test_unknown_viewpoints_are_counted_and_none_at_all_is_silent(monkeypatch):
    lines = []
    monkeypatch.setattr(
        "mmvareid.evaluation.scores.scoring.print_log", lambda line, **kwargs: lines.append(line)
    )
    samples = make_samples()
    for i, one in enumerate(samples):
        one["viewpoint"] = -1 if i < 10 else i % 3
    found = evaluate(samples, range(NUM_SAMPLES), NUM_SAMPLES, viewpoints=True)
    assert "Viewpoints of 141 images are known; 10 are left out" in lines[1]
    assert "reid/cross/back/mAP" in found
    for one in samples:
        del one["viewpoint"]
    lines.clear()
    found = evaluate(samples, range(NUM_SAMPLES), NUM_SAMPLES, viewpoints=True)
    assert len(found) == 5 and len(lines) == 1


def test_keeps_a_float32_copy_of_each_feature():
    batch = torch.randn(4, 8, dtype=torch.float16, requires_grad=True)
    metric = ReIDMetric()
    fields = dict(person_id=torch.tensor(3), camera_id=torch.tensor([1]), is_query=True)
    metric.process(None, [dict(feature=row, **fields) for row in batch])
    assert len(metric.results) == 4
    for (feature, known), row in zip(metric.results, batch, strict=True):
        assert feature.dtype == torch.float32 and not feature.requires_grad
        assert feature.untyped_storage().nbytes() == 8 * 4
        torch.testing.assert_close(feature, row.detach().float())
        assert known == [3, 1, -1, 1]


def sample(person=1, camera=1, is_query=False, feature=(1.0, 2.0)):
    return dict(
        feature=torch.tensor(feature), person_id=person, camera_id=camera, is_query=is_query
    )


def test_a_dump_that_fails_costs_no_scores(tmp_path, log, monkeypatch):
    expected = evaluate(make_samples(), range(NUM_SAMPLES), NUM_SAMPLES)

    def full(*_):
        raise OSError(28, "No space left on device")

    metric = ReIDMetric(dump=str(tmp_path / "a.npz"))
    metric.process({}, make_samples())
    monkeypatch.setattr(Descriptors, "save", full)
    assert metric.evaluate(NUM_SAMPLES) == expected
    assert "were not written to" in metric.dump_error and "No space left" in metric.dump_error
    assert any(line.startswith("ERROR the features were not written") for line in log)


def test_dump_can_be_scored_again(tmp_path):
    path = tmp_path / "new" / "features.npz"
    found = evaluate(make_samples(), range(NUM_SAMPLES), NUM_SAMPLES, dump=str(path))
    again = Scoring().score(Descriptors.load(path))
    assert {f"reid/{name}": value for name, value in again.items()} == found


def test_log_counts_what_is_left_out(monkeypatch):
    lines = []
    monkeypatch.setattr(
        "mmvareid.evaluation.scores.scoring.print_log", lambda line, **kwargs: lines.append(line)
    )
    metric = ReIDMetric()
    queries = [sample(is_query=True), sample(2, 1, is_query=True)]
    metric.process(None, [*queries, sample(1, 2), sample(2, 1), sample(0, 2)])
    metric.evaluate(5)
    (line,) = lines
    assert "2 queries, 1 of them left out" in line
    assert "3 gallery images, 1 of them of nobody that a query shows" in line


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        ([sample()], "queries and a gallery, but got 0 samples with is_query and 1 without"),
        ([sample(is_query=True)], "but got 1 samples with is_query and 0 without"),
        (
            [sample(is_query=True), sample()],
            "every match has the query's camera: is there",
        ),
        ([sample(is_query=True), sample(2)], "no query's person is in the gallery"),
        ([sample(is_query=True), sample(feature=(float("nan"), 0))], "gallery features have to be"),
    ],
)
def test_errors_of_the_test_set(samples, message):
    metric = ReIDMetric()
    metric.process(None, samples)
    with pytest.raises(ValueError, match=message):
        metric.evaluate(len(samples))


def test_errors_of_a_sample():
    for name in ("person_id", "camera_id", "is_query"):
        lacking = {key: value for key, value in sample().items() if key != name}
        with pytest.raises(ValueError, match=rf"has to have \['{name}'\].*PackInputs\(alg"):
            ReIDMetric().process(None, [lacking])
    lacking = {key: value for key, value in sample().items() if key != "feature"}
    with pytest.raises(ValueError, match="a prediction has to have a `feature`, but got only"):
        ReIDMetric().process(None, [lacking])


def test_errors_of_options():
    with pytest.raises(ValueError, match=r"rerank has to be of \['k1', .*but got \['k3'\]"):
        ReIDMetric(rerank=dict(k3=1))
    with pytest.raises(ValueError, match="k1 has to be a whole number from 1 to .*, but got 0"):
        ReIDMetric(rerank=dict(k1=0))
    with pytest.raises(ValueError, match="metric has to be one of .*but got 'l2'"):
        ReIDMetric(metric="l2")
    with pytest.raises(ValueError, match=r"topk has to hold ranks from 1 on, but got \(0, 1\)"):
        ReIDMetric(topk=(0, 1))
    with pytest.raises(TypeError, match="ReIDMetric does not know 'rernk'; did you mean 'rerank'"):
        ReIDMetric(rernk=True)
