"""Our parts in mmpretrain's models, and our configs on mmpretrain's."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmpretrain import get_model
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample

CONFIGS = Path(__file__).parents[2] / "configs"


def step(model, size=(64, 32)):
    """One training step on two random images; returns the losses."""
    samples = [DataSample().set_gt_label(label) for label in (0, 1)]
    for sample, view in zip(samples, (0, 2), strict=True):
        sample.set_field(view, "viewpoint")
    model.train()
    before = {name: p.detach().clone() for name, p in model.head.named_parameters()}
    losses = model(torch.rand(2, 3, *size), samples, mode="loss")
    sum(value for name, value in losses.items() if "loss" in name).backward()
    torch.optim.SGD(model.parameters(), lr=0.1).step()
    for name, parameter in model.head.named_parameters():
        assert not torch.equal(parameter, before[name]), name
    return losses


def test_a_plain_resnet_takes_the_head_by_three_lines_of_config():
    cfg = Config.fromfile(CONFIGS / "va_reid/va-reid_resnet50_market1501.py")
    model = MODELS.build(cfg.model)
    assert set(step(model)) == {"loss_id", "loss_view", "loss_center"}


def test_get_model_of_mmpretrain_takes_our_types():
    model = get_model(
        "resnet18_8xb32_in1k",
        neck=dict(type="mmvareid.EmbeddingNeck", in_channels=512),
        head=dict(_delete_=True, type="mmvareid.VAHead", in_channels=512, num_classes=4),
    )
    model.eval()
    assert model(torch.rand(2, 3, 64, 32)).shape == (2, 512)


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("va_reid/*.py")), ids=lambda p: p.stem)
def test_every_config_builds_a_model_whose_every_parameter_learns(path):
    cfg = Config.fromfile(path)
    model = MODELS.build(cfg.model)
    if "local" in path.stem:
        size = (192, 32)  # 12 rows of the last map can be cut into the parts of each stripe pyramid
    else:
        size = cfg.model.backbone.get("img_size", (64, 32)) if "vit" in path.stem else (64, 32)
    step(model, size=size)
    still = [name for name, p in model.named_parameters() if p.grad is None]
    assert not still
