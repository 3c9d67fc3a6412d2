import sys

import pytest
import torch
from small_run import ROOT, SMALL, run, scores

from mmvareid.datasets import make_synthetic

PROJECT = ROOT / "projects/example_project"


def test_the_command_of_its_readme_trains(tmp_path):
    make_synthetic(tmp_path / "set", num_ids=8, num_distractors=0, num_junk=0, seed=0)
    printed = run(
        "train.py",
        PROJECT / "va-reid-circle_seresnext-small_synthetic.py",
        "--work-dir",
        tmp_path / "run",
        options=[*SMALL, f"data_root={tmp_path / 'set'}", "num_classes=4"],
        env={"PYTHONPATH": f"{PROJECT}:{ROOT}"},
    )
    assert "loss_triplet: " in printed and "loss_view: " in printed
    assert len(scores(tmp_path / "run")) == 2


@pytest.fixture
def circle_loss(monkeypatch):
    monkeypatch.syspath_prepend(str(PROJECT))
    from circle_loss import CircleLoss

    yield CircleLoss
    sys.modules.pop("circle_loss")
    from mmvareid.registry import MODELS

    MODELS._module_dict.pop("CircleLoss")


def test_the_loss_is_its_equation(circle_loss):
    torch.manual_seed(0)
    features, labels = torch.randn(6, 4), torch.tensor([0, 0, 0, 1, 1, 2])
    margin, scale, losses = 0.25, 8.0, []
    unit = torch.nn.functional.normalize(features, dim=1)
    for i in range(5):  # the last has no positive
        push = pull = torch.tensor(0.0)
        for j in range(6):
            s = unit[i] @ unit[j]
            if labels[j] != labels[i]:
                push = push + torch.exp(scale * max(s + margin, 0) * (s - margin))
            elif j != i:
                pull = pull + torch.exp(-scale * max(1 + margin - s, 0) * (s - 1 + margin))
        losses.append(torch.log(1 + push * pull))
    found = circle_loss(margin, scale)(features, labels)
    torch.testing.assert_close(found, torch.stack(losses).mean())
