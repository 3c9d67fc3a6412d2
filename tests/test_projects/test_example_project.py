"""A loss from outside the package: its value, and a run by the command of its README."""

import importlib
import math
import re

import pytest
import torch
import torch.nn.functional as F
from small_run import ROOT, SMALL, run, scores

from mmvareid.datasets import make_synthetic

PROJECT = ROOT / "projects/example_project"


@pytest.fixture
def circle_loss(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    return importlib.import_module("projects.example_project.circle_loss").CircleLoss


def obvious(cosines, labels, gamma, m):
    """Eq. 6: log(1 + sum over j of exp(z_j) * exp(-z_y)), one sample after the other."""
    losses = []
    for row, label in zip(cosines.tolist(), labels.tolist(), strict=True):
        positive = gamma * max(1 + m - row[label], 0) * (row[label] - (1 - m))
        others = [gamma * max(s + m, 0) * (s - m) for j, s in enumerate(row) if j != label]
        losses.append(math.log(1 + sum(math.exp(z - positive) for z in others)))
    return sum(losses) / len(losses)


def test_value(circle_loss):
    torch.manual_seed(0)
    cosines, labels = torch.rand(6, 5).double() * 2 - 1, torch.tensor([0, 1, 2, 3, 4, 0])
    for gamma, margin in ((1.0, 0.0), (8.0, 0.25)):
        found = circle_loss(gamma, margin)(cosines, labels)
        assert found.item() == pytest.approx(obvious(cosines, labels, gamma, margin))


def test_gradient_is_that_of_cross_entropy_times_the_paces(circle_loss):
    cosines = torch.tensor([[0.6, 0.1, -0.5]], requires_grad=True)
    circle_loss(gamma=2.0, margin=0.25)(cosines, torch.tensor([0])).backward()
    paces = torch.tensor([[1.25 - 0.6, 0.1 + 0.25, 0.0]])  # a cosine below -m is left alone
    logits = 2 * paces * torch.tensor([[0.6 - 0.75, 0.1 - 0.25, 0.0]])
    expected = 2 * paces * (logits.softmax(1) - F.one_hot(torch.tensor([0]), 3))
    torch.testing.assert_close(cosines.grad, expected)


def test_gamma_is_checked(circle_loss):
    with pytest.raises(ValueError, match=r"gamma has to be above 0, but got 0"):
        circle_loss(gamma=0)


def test_the_command_trains(tmp_path):
    make_synthetic(tmp_path / "people", num_ids=8, images_per_id=8, num_distractors=0, num_junk=0)
    (config,) = re.findall(r"projects/\S+/configs/\S+\.py", (PROJECT / "README.md").read_text())
    options = [*SMALL, f"data_root={tmp_path / 'people'}", "num_classes=4"]
    args = (ROOT / config, "--work-dir", tmp_path / "out")
    shown = run("train.py", *args, options=options, env={"PYTHONPATH": str(ROOT)})
    (loss, *_) = re.findall(r"loss_id: ([\d.]+)", shown)
    assert float(loss) > 0
    assert len(scores(tmp_path / "out")) == 2
