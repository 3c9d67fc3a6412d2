from unittest import mock

import cv2
import loss_oracles as oracles
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from mmengine.config import Config
from mmpretrain.structures import DataSample
from small_run import SYNTHETIC, error_of, run
from untrained_model import write_checkpoint

from mmvareid.config import load_config
from mmvareid.datasets import make_synthetic
from mmvareid.models import VAHead
from mmvareid.registry import MODELS
from mmvareid.visualization import (
    SoftLabel,
    choose_contrast,
    image_soft_labels,
    plot_soft_labels,
    predict_soft_labels,
)
from mmvareid.visualization.soft_label_picture import figures_of, number, views_of


def head(num_classes=5, **kwargs):
    torch.manual_seed(0)
    return VAHead(in_channels=8, num_classes=num_classes, scale=5.0, margin=0.3, **kwargs)


def predict(va_head, labels, views):
    x = va_head((torch.randn(len(labels), 8, generator=torch.Generator().manual_seed(1)),))
    return x, predict_soft_labels(va_head, x, torch.tensor(labels), torch.tensor(views))


@pytest.mark.parametrize("negatives", ["all", "other_identities", "other_identities_and_views"])
@pytest.mark.parametrize("num_views", [2, 3, 8])
def test_soft_labels_agree_with_the_oracle(num_views, negatives):
    loss_view = dict(type="mmvareid.VALSRLoss", negatives=negatives)
    va_head = head(num_views=num_views, loss_view=loss_view)
    labels, views = [0, 1, 4, 2], [0, num_views - 1, 1, -1]
    x, rows = predict(va_head, labels, views)
    w = va_head.weight / va_head.weight.norm(dim=1, keepdim=True)
    u = va_head.view_weight / va_head.view_weight.norm(dim=2, keepdim=True)
    for row, feature, y, v in zip(rows, x, labels, views, strict=True):
        cosine = w @ feature
        cosine[y] = oracles.arc_margin(cosine[y].item(), 0.3)
        q = (5 * cosine).exp() / (5 * cosine).exp().sum()
        epsilon = 0.2 * (1 - q[y].item())
        p = [1 - epsilon if j == y else epsilon / 4 for j in range(5)]
        np.testing.assert_allclose(row.q, q.detach(), atol=1e-5)
        np.testing.assert_allclose(row.p, p, atol=1e-5)
        if v == -1:
            assert row.r is None
            assert row.t is None
            continue
        cosine = u @ feature  # (K, V)
        cosine[y, v] = oracles.arc_margin(cosine[y, v].item(), 0.3)
        r = oracles.pair_probabilities(5 * cosine, negatives)
        target = oracles.viewpoint_target(r.detach(), y, v, alpha=0.2)
        np.testing.assert_allclose(row.r, r.detach(), atol=1e-5)
        np.testing.assert_allclose(row.t, target, atol=1e-5)


def test_soft_labels_give_the_loss_of_training():
    va_head = head()
    labels, views = [0, 1, 4], [0, 2, 1]
    x, rows = predict(va_head, labels, views)
    samples = [DataSample().set_gt_label(label) for label in labels]
    for sample, view in zip(samples, views, strict=True):
        sample.set_field(view, "viewpoint")
    losses = va_head.loss((x,), samples)
    identity = np.mean([-(row.p * np.log(row.q)).sum() for row in rows])
    view = np.mean([-(row.t * np.log(row.r)).sum() for row in rows])
    assert identity == pytest.approx(losses["loss_id"].item(), abs=1e-5)
    assert view == pytest.approx(losses["loss_view"].item(), abs=1e-5)


def test_a_head_of_one_view_takes_all_viewpoints_for_that_one():
    _, rows = predict(head(num_views=1), [0, 1, 2], [0, 2, -1])
    assert [row.viewpoint for row in rows] == [0, 0, -1]
    assert len(choose_contrast(rows)) == 3


def test_weights_of_viewpoints_give_the_loss_of_training_and_not_the_coarse_label():
    va_head = head(num_views=5).eval()
    weights = [[0, 0.25, 0.75, 0, 0], [0, 0, 0, 0, 1.0], [0.0] * 5]
    samples = [DataSample().set_gt_label(label) for label in (0, 1, 4)]
    for sample, row in zip(samples, weights, strict=True):
        sample.set_field(0, "viewpoint")  # the coarse label, which training does not look at
        sample.set_field(np.array(row, np.float32), "viewpoint_weights")
    x = va_head((torch.randn(3, 8, generator=torch.Generator().manual_seed(1)),))
    views = va_head.viewpoints_of(samples)
    rows = predict_soft_labels(va_head, x, torch.tensor([0, 1, 4]), views)
    assert [row.viewpoint for row in rows] == [2, 4, -1]
    expected = va_head.loss((x,), samples)["loss_view"].item()
    known = [row for row in rows if row.r is not None]
    found = np.mean([-(row.t * np.log(row.r)).sum() for row in known])
    assert found == pytest.approx(expected, abs=1e-5)
    first = rows[0]
    assert first.of_view(first.r[0]) == pytest.approx(0.25 * first.r[0, 1] + 0.75 * first.r[0, 2])
    common = np.minimum(first.shares, first.r[0]).sum()
    assert f"ε₂ = {number(0.2 * (1 - common))}" in figures_of(first)
    assert views_of(first, "abcde") == "0.25 b + 0.75 c"


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (dict(type="CrossEntropyLoss"), [0, 1, 0, 0, 0]),
        (dict(type="CrossEntropyLoss", loss_weight=0.5), [0, 1, 0, 0, 0]),
        (dict(type="mmvareid.LSRLoss", epsilon=0.1), [0.025, 0.9, 0.025, 0.025, 0.025]),
    ],
)
def test_other_rows_of_the_ablation_have_their_labels(loss, expected):
    _, (row, *_) = predict(head(loss_id=loss, loss_view=None, loss_center=None), [1, 0], [0, 1])
    np.testing.assert_allclose(row.p, expected, atol=1e-12)
    assert row.r is None


def hand_made(label, viewpoint, own, views):
    """A soft label of 3 identities and 3 viewpoints with these shares at the own identity."""
    q, r = np.full(3, (1 - own) / 2), np.full((3, 3), (1 - sum(views)) / 6)
    q[label], r[label] = own, views
    return SoftLabel(label, viewpoint, q, q, r, r)


ROWS = [
    hand_made(0, 0, 0.90, (0.80, 0.05, 0.05)),
    hand_made(1, 1, 0.10, (0.10, 0.30, 0.10)),
    hand_made(2, 2, 0.80, (0.40, 0.10, 0.40)),
    hand_made(0, 0, 0.95, (0.93, 0.01, 0.01)),
    hand_made(0, 1, 0.20, (0.30, 0.01, 0.00)),  # ambiguous, but taken for another person
]


def test_chosen_images_differ():
    kinds = {3: "confident", 1: "unsure", 2: "ambiguous viewpoint"}
    assert choose_contrast(ROWS) == kinds
    assert choose_contrast(ROWS, 5) == {**kinds, 0: "confident", 4: "unsure"}
    assert choose_contrast(ROWS, 1) == {3: "confident"}
    assert len(choose_contrast(ROWS, 9)) == 5


def test_without_viewpoints_images_are_chosen_by_identity():
    rows = [SoftLabel(row.label, -1, row.q, row.p) for row in ROWS]
    assert choose_contrast(rows) == {3: "confident", 1: "unsure", 0: "confident"}


def test_captions_say_the_figures():
    q, p = np.array([0.75, 0.2, 0.05]), np.array([0.95, 0.025, 0.025])
    t = np.array([[0.8, 0.06, 0.06], [0.02, 0.02, 0.02], [0.02 / 3] * 3])
    text = figures_of(SoftLabel(0, 0, q, p, np.full((3, 3), 1 / 9), t))
    for part in ("$q_y$ = 0.750", "ε = 0.050", "= 0.111", "= 0.333", "ε₁ = 0.080", "ε₂ = 0.120"):
        assert part in text
    assert [number(x) for x in (1, 0.0123, 0.0012, 2e-5, 0)] == [
        "1.000",
        "0.012",
        "0.0012",
        "2e-05",
        "0",
    ]


@pytest.mark.parametrize("kwargs", [{}, dict(loss_id=dict(type="CrossEntropyLoss"))])
def test_the_picture_is_drawn_also_of_hard_labels_and_unknown_viewpoints(kwargs, tmp_path):
    _, rows = predict(head(num_classes=3, **kwargs), [0, 1, 2], [0, 2, -1])
    image = np.zeros((20, 10, 3), np.uint8)
    with mock.patch.object(Figure, "savefig", autospec=True) as save:
        plot_soft_labels(rows, [image] * 3, ["a", "b", "c"], tmp_path / "out.png")
    panels = save.call_args.args[0].axes
    for i, (row, caption) in enumerate(zip(rows, "abc", strict=True)):
        picture, identities, predicted, target = panels[4 * i : 4 * i + 4]
        assert picture.figure.get_suptitle() == f"{caption}\n{figures_of(row)}"
        assert identities.get_yticklabels()[0].get_text() == f"person {row.label} (own)"
        order = [row.label, *(k for k in np.argsort(-row.q) if k != row.label)]
        for bars, values in zip(identities.containers, (row.q, row.p), strict=True):
            # A share of zero has the shortest bar.
            lengths = np.array([bar.get_width() for bar in bars])
            large = values[order] > 1e-9
            np.testing.assert_allclose(lengths[large], values[order][large])
            assert (lengths[~large] < values[order][large].min()).all()
        if row.viewpoint < 0:
            assert [text.get_text() for text in predicted.texts] == [
                "unknown viewpoint: no soft label t"
            ]
            assert not target.axison
            continue
        order = [row.label, *(k for k in np.argsort(-row.r.sum(1)) if k != row.label)]
        for panel, values in ((predicted, row.r), (target, row.t)):
            said = [text.get_text() for text in panel.texts]
            assert said == [number(value) for value in values[order].flat]
    with pytest.raises(ValueError, match="but got 3 soft labels, 1 images and 3 captions"):
        plot_soft_labels(rows, [image], ["a", "b", "c"], tmp_path / "out.png")


def test_a_joint_head_is_used_by_its_viewpoint_aware_part():
    path = SYNTHETIC.with_name("va-reid-local_seresnext-small_synthetic.py")
    cfg = Config.fromfile(path)
    model = MODELS.build(cfg.model).eval()
    sample = DataSample().set_gt_label(3)
    sample.set_field(1, "viewpoint")
    items = [dict(inputs=torch.zeros(3, 64, 32, dtype=torch.uint8), data_samples=sample)] * 2
    first, second = image_soft_labels(model, items)
    assert (first.label, first.viewpoint) == (3, 1)
    assert first.t.shape == (cfg.num_classes, 3)
    np.testing.assert_array_equal(first.t, second.t)


def test_a_model_without_margins_is_refused():
    cfg = load_config(str(SYNTHETIC))
    cfg.model.head.type = "mmvareid.ReIDHead"
    kept = ("type", "in_channels", "num_classes")
    cfg.model.head = {key: cfg.model.head[key] for key in kept}
    with pytest.raises(ValueError, match="have to come from a VAHead, but got .* ReIDHead"):
        image_soft_labels(MODELS.build(cfg.model), [])


def test_the_tool_draws_images_of_the_train_split(tmp_path):
    people = tmp_path / "people"
    make_synthetic(people, num_ids=8, images_per_id=12, num_distractors=0, num_junk=0, seed=1)
    weights = tmp_path / "model.pth"
    options = write_checkpoint(weights, options=[f"data_root={people}", "num_classes=4"])
    out = tmp_path / "pictures/soft.png"
    tool = "visualization/soft_labels.py"
    printed = run(tool, SYNTHETIC, weights, "--out", out, options=options)
    assert "3 images of 48 that were looked at" in printed
    picture = cv2.imread(str(out)).astype(int)
    for color in ((180, 119, 31), (14, 127, 255)):  # the bars of q and p, BGR
        assert (np.abs(picture - color) < 8).all(axis=2).sum() > 3000
    arguments = (SYNTHETIC, weights, "--images", "nobody.jpg", "--out", out)
    error = error_of(tool, *arguments, options=options)
    assert "names of training images, but got nobody.jpg; a name looks like" in str(error)
