"""Weights that were pre-trained on people: the same features in mmpretrain's backbones."""

import re
import runpy
import sys
from unittest import mock

import pytest
import timm
import torch
import torchvision
from mmengine.config import Config
from mmpretrain.models import SwinTransformer, VisionTransformer
from mmpretrain.registry import MODELS
from small_run import CONFIGS, ROOT

TOOL = ROOT / "tools/model_converters/convert_backbone.py"


@pytest.fixture
def convert(tmp_path, capsys):
    """The function that converts weights; returns the backbone's config and what is printed."""

    def run(source, weights, *options):
        torch.save(weights, tmp_path / "src.pth")
        argv = [str(TOOL), source, str(tmp_path / "src.pth"), str(tmp_path / "dst.pth"), *options]
        with (
            mock.patch.object(sys, "argv", argv),
            mock.patch.object(sys, "path", [str(TOOL.parent), *sys.path]),
        ):
            runpy.run_path(str(TOOL), run_name="__main__")
        printed = capsys.readouterr().out
        line = re.search(r"config: (.*)", printed.replace("\n", " "))[1]
        (tmp_path / "config.py").write_text(line)
        return Config.fromfile(tmp_path / "config.py").model.backbone, printed

    return run


def built(config):
    """The backbone of a config with the weights that it names."""
    model = MODELS.build(config)
    model.init_weights()
    model.eval()  # which returns nothing
    return model


def random_weights(model):
    torch.manual_seed(0)
    return {
        name: torch.randn_like(value) * 0.05 if value.is_floating_point() else value
        for name, value in model.state_dict().items()
    }


@torch.no_grad()
def test_solider(convert):
    swin = SwinTransformer("tiny", pad_small_map=True)
    swin.load_state_dict(random_weights(swin))
    swin.eval()
    teacher = {f"backbone.{name}": value for name, value in swin.state_dict().items()}
    for i in range(4):
        teacher[f"backbone.semantic_embed_w.{i}.weight"] = torch.rand(96, 2)
        teacher[f"backbone.semantic_embed_b.{i}.weight"] = torch.rand(96, 2)
    teacher["head.mlp.0.weight"] = torch.rand(2, 2)
    config, printed = convert("solider", {"teacher": teacher, "epoch": 3})
    assert "head.mlp.0.weight" in printed and "semantic_embed_w.3.weight" in printed
    wanted = Config.fromfile(CONFIGS / "va-reid_swin-tiny_market1501.py").model.backbone
    assert all(config[key] == wanted[key] for key in ("type", "arch", "pad_small_map"))
    images = torch.rand(2, 3, 64, 32)
    torch.testing.assert_close(built(config)(images)[0], swin(images)[0], rtol=0, atol=0)


@torch.no_grad()
def test_transreid_ssl_has_the_features_of_timm(convert):
    theirs = timm.create_model("vit_small_patch16_224", num_classes=0).eval()
    weights = {f"module.backbone.{name}": w for name, w in theirs.state_dict().items()}
    config, _ = convert("transreid-ssl", {"teacher": weights}, "--size", "224", "224")
    images = torch.rand(2, 3, 224, 224)
    torch.testing.assert_close(built(config)(images)[0], theirs(images), rtol=0, atol=1e-4)


@torch.no_grad()
def test_positions_of_people_are_resized_to_the_image(convert):
    theirs = timm.create_model("vit_base_patch16_224", img_size=(256, 128), num_classes=0)
    ramp = torch.linspace(0, 1, 16)[:, None].expand(16, 8).reshape(1, 128, 1).expand(1, 128, 768)
    weights = {**theirs.state_dict(), "pos_embed": torch.cat([torch.ones(1, 1, 768), ramp], dim=1)}
    config, _ = convert("transreid-ssl", weights)
    wanted = Config.fromfile(CONFIGS / "va-reid_vit-base_market1501.py").model.backbone
    assert tuple(config.img_size) == tuple(wanted.img_size) == (384, 128)
    model = built({**wanted, "init_cfg": config.init_cfg})
    grid = model.pos_embed[0, 1:].view(24, 8, 768)
    assert (model.pos_embed[0, 0] == 1).all()
    torch.testing.assert_close(grid, grid[:, :1, :1].expand_as(grid))  # rows stay rows
    assert (grid[1:, 0, 0] > grid[:-1, 0, 0] - 0.01).all() and grid[-1, 0, 0] > 0.95


@torch.no_grad()
def test_luperson(convert):
    theirs = torchvision.models.resnet50()
    theirs.load_state_dict(
        {k: v.abs() if "var" in k else v for k, v in random_weights(theirs).items()}
    )
    weights = {}
    for name, value in theirs.state_dict().items():
        if not name.startswith("fc."):
            weights[f"module.encoder_q.{name}"] = value
            weights[f"module.encoder_k.{name}"] = torch.zeros_like(value)
    weights["module.encoder_q.fc.0.weight"] = weights["module.queue"] = torch.rand(4, 4)
    config, printed = convert("luperson", {"state_dict": weights})
    assert config.depth == 50 and "module.queue" in printed
    theirs.fc = torch.nn.Identity()
    images = torch.rand(2, 3, 64, 32)
    found = built(config)(images)[0].mean(dim=(2, 3))
    torch.testing.assert_close(found, theirs.eval()(images), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("source", "change", "message"),
    [
        ("transreid-ssl", {"patch_embed.conv.0.weight": torch.rand(1)}, "convolutions of ICS"),
        ("transreid-ssl", {"blocks.0.extra": torch.rand(1)}, r"blocks\.0\.extra unknown"),
        ("transreid-ssl", {"pos_embed": torch.rand(1, 14, 768)}, "thrice as high .* has 13 places"),
        ("transreid-ssl", {"norm.weight": torch.rand(5)}, r"norm\.weight \(5,\) for \(768,\)"),
        ("solider", {}, "none of these: tiny: .*missing"),
    ],
)
def test_other_models_are_refused(convert, capsys, source, change, message):
    weights = timm.create_model("vit_base_patch16_224", num_classes=0).state_dict()
    with pytest.raises(SystemExit):
        convert(source, {**weights, **change})
    assert re.search(message, capsys.readouterr().err.replace("\n", " "))


def test_every_arch_is_one_of_mmpretrain():
    assert {"tiny", "small", "base"} <= {*SwinTransformer.arch_zoo}
    assert "deit-small" in VisionTransformer.arch_zoo
