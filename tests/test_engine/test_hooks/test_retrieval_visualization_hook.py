from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmpretrain.structures import DataSample
from small_run import MARKET, SMALL, run

from mmvareid.datasets import make_synthetic
from mmvareid.engine import RetrievalVisualizationHook
from mmvareid.engine.hooks import retrieval_visualization_hook
from mmvareid.registry import HOOKS

CONFIG = """
_base_ = {base!r}
custom_hooks = [
    *_base_.custom_hooks,
    dict(type="mmvareid.RetrievalVisualizationHook", num_queries=2, topk=3),
]
visualizer = dict(vis_backends=[{backends}])
"""


class Visualizer:
    """Keeps what it is given."""

    def __init__(self):
        self.images = {}

    def add_image(self, name, image, step):
        self.images[name, step] = image


def validate(hook, samples, epoch=1, batch=3, dataset_size=None):
    """What MMEngine calls in a validation; returns the visualizer."""
    size = dataset_size or len(samples)
    runner = SimpleNamespace(
        val_dataloader=SimpleNamespace(dataset=range(size)),
        visualizer=Visualizer(),
        _train_loop=SimpleNamespace(),
        epoch=epoch,
        iter=100 * epoch,
    )
    hook.before_val_epoch(runner)
    for i in range(0, len(samples), batch):
        hook.after_val_iter(runner, i, None, samples[i : i + batch])
    hook.after_val_epoch(runner)
    return runner.visualizer


@pytest.fixture
def samples(market_root):
    """Predictions for the queries and the gallery of the small Market-1501."""
    torch.manual_seed(0)
    found = []
    for folder in ("query", "bounding_box_test"):
        for path in sorted((market_root / folder).glob("0*.jpg")):
            sample = DataSample(metainfo=dict(img_path=str(path)))
            fields = dict(
                feature=torch.randn(8),
                person_id=int(path.name[:4]),
                camera_id=int(path.name[6]),
                viewpoint=len(found) % 3,
                is_query=folder == "query",
            )
            for name, value in fields.items():
                sample.set_field(value, name)
            found.append(sample)
    return found


def test_pictures_go_to_the_visualizer_and_nothing_is_kept(samples):
    hook = HOOKS.build(dict(type="mmvareid.RetrievalVisualizationHook", num_queries=2))
    images = validate(hook, samples, epoch=7).images
    assert set(images) == {("ranked_lists", 7), ("viewpoint_matrix", 7)}
    assert all(image.dtype == np.uint8 and image.std() > 20 for image in images.values())
    assert hook._samples == []


def test_queries_are_the_same_each_time_and_lists_follow_the_features(samples):
    hook = RetrievalVisualizationHook(num_queries=2, topk=2)
    first = validate(hook, samples, epoch=1).images["ranked_lists", 1]
    for sample in samples:
        sample.feature = torch.randn(8)
    second = validate(hook, samples, epoch=2).images["ranked_lists", 2]
    query = slice(40, 110)
    assert np.array_equal(first[40:-40, query], second[40:-40, query])
    assert not np.array_equal(first, second)


def test_an_interval_leaves_validations_out(samples):
    hook = RetrievalVisualizationHook(interval=2)
    drawn = [bool(validate(hook, samples, epoch).images) for epoch in range(1, 5)]
    assert drawn == [False, True, False, True]


def test_the_matrix_needs_viewpoints_and_can_be_left_out(samples):
    assert set(validate(RetrievalVisualizationHook(matrix=False), samples).images) == {
        ("ranked_lists", 1)
    }
    for sample in samples:
        sample.viewpoint = -1
    assert set(validate(RetrievalVisualizationHook(), samples).images) == {("ranked_lists", 1)}


def test_what_a_distributed_sampler_adds_is_dropped(samples):
    hook = RetrievalVisualizationHook()
    one = validate(hook, samples).images
    padded = validate(hook, [*samples, samples[0]], dataset_size=len(samples)).images
    assert all(np.array_equal(one[key], padded[key]) for key in one)


def test_other_processes_than_the_first_draw_nothing(samples, monkeypatch):
    shares = []
    monkeypatch.setattr(
        retrieval_visualization_hook,
        "collect_results",
        lambda share, size: shares.append((len(share), size)),
    )
    hook = RetrievalVisualizationHook()
    assert validate(hook, samples, dataset_size=99).images == {}
    assert shares == [(len(samples), 99)]
    assert hook._samples == []


def test_settings_and_predictions_that_are_no_good(samples):
    with pytest.raises(ValueError, match="interval has to be at least 1, but got 0"):
        RetrievalVisualizationHook(interval=0)
    del samples[0].camera_id
    with pytest.raises(ValueError, match=r"has to have \['camera_id'\], but got only .*'feature'"):
        validate(RetrievalVisualizationHook(), samples)


@pytest.mark.parametrize("backend", ["LocalVisBackend", "TensorboardVisBackend"])
def test_a_training_draws_after_each_validation(tmp_path, backend):
    if backend == "TensorboardVisBackend":
        accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    root = tmp_path / "set"
    make_synthetic(root, num_ids=8, images_per_id=12, num_distractors=5, num_junk=3, seed=1)
    backends = f"dict(type='{backend}')"
    config = tmp_path / "config.py"
    config.write_text(CONFIG.format(base=str(MARKET), backends=backends))
    options = [*SMALL, f"data_root={root}", "num_classes=4"]
    run("train.py", config, "--work-dir", tmp_path / "run", options=options)
    (data,) = (tmp_path / "run").glob("*/vis_data")
    names = ("ranked_lists", "viewpoint_matrix")
    if backend == "LocalVisBackend":
        for name in names:
            for epoch in (1, 2):
                assert cv2.imread(str(data / f"vis_image/{name}_{epoch}.png")).std() > 20
        assert "angle/view_view" in (data / "scalars.json").read_text()  # the base's hooks run too
        return
    events = accumulator.EventAccumulator(str(data), {"images": 0}).Reload()
    assert set(events.Tags()["images"]) == set(names)
    assert all([event.step for event in events.Images(name)] == [1, 2] for name in names)
