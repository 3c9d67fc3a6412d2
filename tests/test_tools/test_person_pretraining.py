"""Weights learnt from people in mmpretrain's backbones: the same features, or an error."""

import argparse
import importlib
import re

import pytest
import timm
import torch
import torch.nn.functional as F
import torchvision
from mmengine.config import Config
from mmpretrain.registry import MODELS
from small_run import CONFIGS
from test_model_converters import (
    backbone_from,
    features_of_torchvision,
    folder_of_the_tool,  # noqa: F401
    randomized,
    refused,  # noqa: F401
    run_here,
)
from torch import nn

from mmvareid.fileio.checkpoints import load_checkpoint_safely

SMALL_SWIN = dict(
    type="SwinTransformer",
    arch=dict(embed_dims=12, depths=[2, 2, 2, 2], num_heads=[1, 2, 3, 4]),
    window_size=4,
    pad_small_map=True,
)


def drawn(model):
    """Draw every weight of a transformer anew, large enough for features to tell; for inference."""
    torch.manual_seed(0)
    for name, parameter in model.named_parameters():
        nn.init.normal_(parameter, mean="norm" in name and "weight" in name, std=0.15)
    return randomized(model)


def with_heads(backbone, prefix="backbone."):
    """What DINO's teacher has: the backbone and a head."""
    state_dict = {prefix + name: tensor for name, tensor in backbone.items()}
    module = "module." if prefix.startswith("module.") else ""
    head = ("mlp.0.weight", "mlp.0.bias", "mlp.2.weight", "mlp.2.bias")
    return state_dict | {f"{module}head.{name}": torch.ones(1) for name in head}


def solider_names(swin):
    """Timm's Swin as SOLIDER has it, whose patch merging reads pixels row by row."""
    renamed = {}
    index = {n: b for n, b in swin.named_buffers() if n.endswith("relative_position_index")}
    for name, tensor in (swin.state_dict() | index).items():
        stage = int(m[1]) if (m := re.match(r"layers\.(\d)\.downsample", name)) else None
        if stage is not None:
            # timm orders channels (column, row, C), nn.Unfold (C, row, column)
            tensor = tensor.unflatten(-1, (2, 2, -1)).transpose(-3, -2).movedim(-1, -3).flatten(-3)
            name = name.replace(f"layers.{stage}", f"layers.{stage - 1}")
        for old, new in (
            (r"^layers", "stages"),
            (r"\.attn\.", ".attn.w_msa."),
            (r"\.mlp\.fc1\.", ".ffn.layers.0.0."),
            (r"\.mlp\.fc2\.", ".ffn.layers.1."),
            (r"^patch_embed\.proj\.", "patch_embed.projection."),
            (r"^norm\.", "norm3."),
        ):
            name = re.sub(old, new, name)
        renamed[name] = tensor
    others = {f"norm{i}.{k}": torch.ones(12 * 2**i) for i in range(3) for k in ("weight", "bias")}
    return renamed | others


def semantics(channels=12):
    """SOLIDER's scales and shifts behind each stage, of size and sign that matter."""
    torch.manual_seed(1)
    return {
        f"semantic_embed_{kind}.{stage}.{name}": torch.randn(channels * 2 ** min(stage + 1, 3), *n)
        for stage in range(4)
        for kind in "wb"
        for name, n in (("weight", (2,)), ("bias", ()))
    }


def solider_features(swin, embeds, images, weight):
    """SOLIDER's forward: mmpretrain's stages, and after each the scale and the shift."""
    share = torch.tensor([weight, 1 - weight])
    x, shape = swin.patch_embed(images)
    for i, stage in enumerate(swin.stages):
        x, shape = stage(x, shape, do_downsample=True)
        if i < 3:
            w, b = (
                embeds[f"semantic_embed_{k}.{i}.weight"] @ share
                + embeds[f"semantic_embed_{k}.{i}.bias"]
                for k in "wb"
            )
            x = x * F.softplus(w) + b
    return swin.norm3(x).transpose(1, 2).unflatten(2, shape)


def converted(tmp_path, source, content):
    """Convert a checkpoint; returns the backbone, its tensors, and what the tool printed."""
    src, dst = tmp_path / "src.pth", tmp_path / "dst.pth"
    torch.save(content, src)
    printed = run_here(source, src, dst)
    backbone = backbone_from(printed)
    tensors = load_checkpoint_safely(str(dst))["state_dict"]
    found = backbone.state_dict()
    assert tensors.keys() == {name for name in found if not name.endswith("num_batches_tracked")}
    for name, tensor in tensors.items():
        torch.testing.assert_close(found[name], tensor, rtol=0, atol=0)
    return backbone, tensors, printed


def assert_same(found, expected):
    assert expected.std() > 0.1
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("prefix", ["", "backbone.", "module.backbone."])
def test_vit_of_transreid_ssl_is_that_of_timm(prefix, tmp_path):
    size = dict(img_size=(64, 32), embed_dim=128, depth=2, num_heads=2, num_classes=0)
    vit = drawn(timm.create_model("vit_small_patch16_224", **size))
    weights = vit.state_dict() if prefix == "" else with_heads(vit.state_dict(), prefix)
    backbone, _, printed = converted(tmp_path, "transreid-ssl", {"teacher": weights, "epoch": 9})
    images = torch.rand(2, 3, 64, 32)
    assert_same(backbone(images)[0], vit.forward_features(images)[:, 0])
    assert "teacher, not epoch" in printed
    assert "img_size=(64, 32)" in printed
    dropped = {
        "": "nothing",
        "backbone.": "4 of head.mlp.*",
        "module.backbone.": "4 of module.head.*",
    }
    assert f"dropped: {dropped[prefix]}\n" in printed


@torch.no_grad()
def test_swin_of_solider_is_that_of_timm(tmp_path):
    size = dict(embed_dim=12, depths=(2, 2, 2, 2), num_heads=(1, 2, 3, 4), window_size=4)
    swin = timm.create_model("swin_tiny_patch4_window7_224", img_size=256, num_classes=0, **size)
    drawn(swin)
    weights = with_heads(solider_names(swin))
    backbone, _, printed = converted(tmp_path, "solider", weights)
    images = torch.rand(1, 3, 256, 256)  # every map is wider than a window
    assert_same(backbone(images)[0], swin.forward_features(images).permute(0, 3, 1, 2))
    norms = ", ".join(f"backbone.norm{i}.{k}" for i in range(3) for k in ("weight", "bias"))
    assert f"dropped: {norms}, 4 of head.mlp.*\n" in printed
    assert "folded" not in printed


@torch.no_grad()
def test_solider_s_semantics_are_folded(tmp_path):
    swin = drawn(MODELS.build(SMALL_SWIN))
    norms = {f"norm{i}.{k}": torch.ones(12 * 2**i) for i in range(3) for k in ("weight", "bias")}
    weights = with_heads(swin.state_dict() | norms | semantics())
    content = {"teacher": weights, "student": {}, "args": argparse.Namespace(arch="swin_tiny")}
    backbone, _, printed = converted(tmp_path, "solider", content)
    images = torch.rand(2, 3, 96, 32)  # maps down to 3 x 1
    assert_same(backbone(images)[0], solider_features(swin, semantics(), images, 0.2))
    for other in (swin(images)[0], solider_features(swin, semantics(), images, 1.0)):
        assert (backbone(images)[0] - other).abs().max() > 0.1
    assert "teacher, not student, args" in printed
    assert "backbone.semantic_embed_w.3.weight, backbone.semantic_embed_w.3.bias, " in printed
    folded = ("6 of backbone.semantic_embed_w.*", "6 of backbone.semantic_embed_b.*")
    assert f"folded into others: {', '.join(folded)}\n" in printed


@torch.no_grad()
def test_resnet_of_luperson_is_that_of_torchvision(tmp_path):
    resnet = randomized(torchvision.models.resnet50(num_classes=8))
    weights = {f"module.encoder_{k}.{n}": t for k in "qk" for n, t in resnet.state_dict().items()}
    weights |= {"module.queue": torch.ones(8, 4), "module.queue_ptr": torch.zeros(1)}
    content = {"epoch": 1, "arch": "resnet50", "state_dict": weights}
    backbone, _, printed = converted(tmp_path, "luperson", content)
    images = torch.rand(2, 3, 64, 32)
    assert_same(backbone(images)[0], features_of_torchvision(resnet, images))
    counters, keys = 53, len(resnet.state_dict())
    assert "module.encoder_q.fc.weight, module.encoder_q.fc.bias, " in printed
    assert f"{keys - counters} of module.encoder_k.*, module.queue, module.queue_ptr" in printed
    assert f"{2 * counters} of *.num_batches_tracked\n" in printed
    assert 'type="ResNet", depth=50' in printed


@pytest.mark.parametrize(
    ("source", "name", "arch"),
    [
        ("solider", "va-reid_swin-tiny_market1501", dict(arch="tiny")),
        ("transreid-ssl", "va-reid_vit-base_market1501", dict(arch="base")),
        ("luperson", "va-reid_resnet50_market1501", dict(depth=50)),
    ],
)
def test_configs_load_every_tensor(source, name, arch, tmp_path):
    keys = importlib.import_module("person_pretraining_keys")
    code = keys.PRETRAININGS[source]
    cfg = Config.fromfile(CONFIGS / f"{name}.py")
    backbone = MODELS.build(cfg.model.backbone)

    def name_of(key):
        for pattern, replacement in code.renames:
            key = re.sub(pattern, replacement, key)
        return code.prefixes[-1] + key

    weights = {name_of(key): torch.rand_like(t.float()) for key, t in backbone.state_dict().items()}
    made = keys.convert_pretraining(weights, source)
    assert arch.items() <= made.backbone.items()
    torch.save({"state_dict": made.state_dict}, tmp_path / "weights.pth")
    cfg.merge_from_dict(
        {
            "model.backbone.init_cfg.type": "Pretrained",
            "model.backbone.init_cfg.checkpoint": str(tmp_path / "weights.pth"),
        }
    )
    model = MODELS.build(cfg.model)
    model.init_weights()
    found = model.backbone.state_dict()
    counters = {name for name in found if name.endswith("num_batches_tracked")}
    assert found.keys() - counters == made.state_dict.keys()
    for key, tensor in made.state_dict.items():
        torch.testing.assert_close(found[key], tensor.to(found[key].dtype), rtol=0, atol=0)


def test_a_square_pos_embed_is_resized_and_one_of_people_serves_any_size():
    """mmpretrain's loading takes every other pos_embed for a square; its forward does not."""
    arch = dict(embed_dims=64, num_layers=1, num_heads=1, feedforward_channels=64)
    vit = MODELS.build(dict(type="VisionTransformer", arch=arch, img_size=(256, 128)))
    square = {"pos_embed": torch.rand(1, 14 * 14 + 1, 64)}
    vit.load_state_dict(square, strict=False)
    assert vit.pos_embed.shape == (1, 16 * 8 + 1, 64)
    assert vit(torch.rand(1, 3, 384, 128))[0].shape == (1, 64)
    people = {"pos_embed": torch.rand(1, 24 * 8 + 1, 64)}
    with pytest.raises(AssertionError, match="length of `pos_embed`"):
        vit.load_state_dict(people, strict=False)


@pytest.fixture
def keys():
    return importlib.import_module("person_pretraining_keys")


@pytest.mark.parametrize(
    ("tokens", "grid"), [(16 * 8, (16, 8)), (24 * 8, (24, 8)), (14 * 14, (14, 14))]
)
def test_the_grid_of_patches_is_told_by_their_number(keys, tokens, grid):
    assert keys.grid_of(tokens) == grid


def test_other_grids_are_refused(keys):
    with pytest.raises(ValueError, match=r"1, 2 or 3 times as high as wide, but got 10 patches"):
        keys.grid_of(10)


def test_the_stem_of_ics_models_is_refused(keys):
    stem = {"patch_embed.conv.0.weight": torch.ones(1), "patch_embed.conv.1.IN.bias": torch.ones(1)}
    with pytest.raises(ValueError, match=r"ICS model, patch_embed\.conv\.0\.weight and 1 more"):
        keys.convert_pretraining(stem, "transreid-ssl")


def test_tensors_that_are_missing_or_unknown_are_named(keys):
    weights = {f"backbone.{n}": t for n, t in MODELS.build(SMALL_SWIN).state_dict().items()}
    lost = weights.pop("backbone.stages.1.blocks.1.norm2.bias")
    weights["prompt.weight"] = torch.ones(1)
    with pytest.raises(
        ValueError,
        match=r"got backbone\.stages\.1\.blocks\.1\.norm2\.bias missing and prompt\.weight unknown",
    ):
        keys.convert_pretraining(weights, "solider")
    weights["backbone.stages.1.blocks.1.norm2.bias"] = lost[:3]
    del weights["prompt.weight"]
    with pytest.raises(ValueError, match=r"norm2\.bias \(3,\) for \(24,\)"):
        keys.convert_pretraining(weights, "solider")
    with pytest.raises(ValueError, match=r"have to have backbone\.patch_embed\.proj\.weight"):
        keys.convert_pretraining(weights, "transreid-ssl")


def test_semantics_are_folded_all_or_not_at_all(keys):
    weights = MODELS.build(SMALL_SWIN).state_dict() | semantics()
    del weights["semantic_embed_b.1.bias"]
    with pytest.raises(ValueError, match=r"have to have semantic_embed_b\.1\.bias"):
        keys.convert_pretraining(weights, "solider")
    weights = MODELS.build(SMALL_SWIN).state_dict() | semantics()
    weights["stages.0.downsample.reduction.weight"].zero_()
    with pytest.raises(
        ValueError, match=r"stages\.0\.downsample\.reduction\.weight has to have full"
    ):
        keys.convert_pretraining(weights, "solider")


def test_weights_without_a_file_s_backbone_are_refused(refused, tmp_path):  # noqa: F811
    torch.save({"state_dict": {"fc.weight": torch.ones(1)}}, tmp_path / "src.pth")
    shown = refused("luperson", tmp_path / "src.pth", tmp_path / "dst.pth")
    assert "layer1 to layer4 have to have the blocks" in shown
