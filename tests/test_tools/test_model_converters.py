"""Weights of other libraries in mmpretrain's backbones: the same features, or an error."""

import importlib
import io
import re
import runpy
import sys
from contextlib import redirect_stdout
from unittest import mock

import pytest
import safetensors.torch
import timm
import torch
import torchvision
from mmengine.config import Config
from mmpretrain.registry import MODELS
from small_run import CONFIGS, ROOT
from torch import nn

from mmvareid.fileio.checkpoints import load_checkpoint_safely
from mmvareid.models import SEResNeXt

TOOL = "model_converters/convert_backbone.py"


@pytest.fixture(scope="module", autouse=True)
def folder_of_the_tool():
    """A script finds the modules beside it."""
    with mock.patch.object(sys, "path", [str((ROOT / "tools" / TOOL).parent), *sys.path]):
        yield


def run_here(*args):
    """Run the tool in this process; returns what it prints."""
    with (
        mock.patch.object(sys, "argv", [TOOL, *map(str, args)]),
        redirect_stdout(io.StringIO()) as f,
    ):
        runpy.run_path(str(ROOT / "tools" / TOOL), run_name="__main__")
    return f.getvalue()


@pytest.fixture
def refused(capsys):
    """The function that runs the tool and returns what it says when it ends with status 2."""

    def run(*args):
        with pytest.raises(SystemExit, match="2"):
            run_here(*args)
        return capsys.readouterr().err

    return run


def randomized(model):
    """Draw every weight and statistic anew, those of batch norms too; for inference."""
    torch.manual_seed(0)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, -1.5, 1.5)
            nn.init.normal_(module.bias, std=0.3)
            nn.init.normal_(module.running_mean, std=0.3)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
            module.num_batches_tracked += 3
        elif isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
            if module.bias is not None:
                nn.init.normal_(module.bias)
    model.eval()
    return model


def save_safetensors(state_dict, path):
    safetensors.torch.save_file({k: v.contiguous() for k, v in state_dict.items()}, path)


def save_as_in_2018(state_dict, path):
    """Write as PyTorch 0.3 did: no zip file, no counters, tensors by an older function."""
    old = {k: v for k, v in state_dict.items() if not k.endswith("num_batches_tracked")}

    def reduce(tensor, _):
        args = (tensor._typed_storage(), tensor.storage_offset(), (*tensor.shape,), tensor.stride())
        return torch._utils._rebuild_tensor, args

    with mock.patch.object(torch.Tensor, "__reduce_ex__", reduce):
        torch.save(old, path, _use_new_zipfile_serialization=False)


def features_of_torchvision(model, images):
    return nn.Sequential(*list(model.children())[:-2])(images)


def backbone_from(printed):
    """Build the backbone of the config line that the tool prints, as training starts it."""
    (line,) = re.findall(r"config: (model = .*)", printed)
    backbone = MODELS.build(Config.fromstring(line, ".py").model.backbone)
    backbone.init_weights()
    backbone.eval()
    return backbone


CASES = {
    "timm 50": (
        "timm",
        lambda: timm.create_model("seresnext50_32x4d"),
        save_safetensors,
        lambda model, images: model.forward_features(images),
    ),
    "timm 101": (
        "timm",
        lambda: timm.create_model("seresnext101_32x4d", num_classes=0),
        torch.save,
        lambda model, images: model.forward_features(images),
    ),
    # timm keeps Cadene's module and names
    "cadene 50": (
        "cadene",
        lambda: timm.create_model("legacy_seresnext50_32x4d"),
        save_as_in_2018,
        lambda model, images: model.forward_features(images),
    ),
    "torchvision 18": (
        "torchvision",
        torchvision.models.resnet18,
        torch.save,
        features_of_torchvision,
    ),
    "torchvision 50": (
        "torchvision",
        torchvision.models.resnet50,
        lambda state_dict, path: torch.save({"epoch": 9, "state_dict": state_dict}, path),
        features_of_torchvision,
    ),
}


def test_of_a_view_only_its_own_numbers_are_written(tmp_path):
    tool = importlib.import_module("convert_backbone")
    tool.write_weights({"weight": torch.arange(100_000.0)[:3]}, tmp_path / "view.pth")
    assert (tmp_path / "view.pth").stat().st_size < 5000
    found = load_checkpoint_safely(str(tmp_path / "view.pth"))["state_dict"]
    assert found["weight"].tolist() == [0, 1, 2]


@torch.no_grad()
@pytest.mark.parametrize("case", CASES)
def test_features_are_those_of_the_library(case, tmp_path):
    source, make, save, features = CASES[case]
    model = randomized(make())
    src = tmp_path / f"src.{'safetensors' if save is save_safetensors else 'pth'}"
    dst = tmp_path / "new_folder" / "dst.pth"
    save(model.state_dict(), src)
    backbone = backbone_from(run_here(source, src, dst))
    for size in ((64, 32), (71, 50)):  # an even and an odd map before the stem's pooling
        images = torch.rand(2, 3, *size)
        expected, (found,) = features(model, images), backbone(images)
        assert expected.std() > 0.1
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    assert [path.name for path in dst.parent.iterdir()] == ["dst.pth"]


@pytest.fixture(scope="module")
def cadene(tmp_path_factory):
    """Cadene's SE-ResNeXt50, and a file that the tool made of it."""
    folder = tmp_path_factory.mktemp("cadene")
    model = randomized(timm.create_model("legacy_seresnext50_32x4d"))
    torch.save(model.state_dict(), folder / "src.pth")
    printed = run_here("cadene", folder / "src.pth", folder / "dst.pth")
    return model, folder / "dst.pth", printed


def test_what_was_written_and_dropped_is_told(cadene):
    _, dst, printed = cadene
    tensors = load_checkpoint_safely(str(dst))["state_dict"]
    assert f"{dst}: {len(tensors)} tensors" in printed
    assert "dropped: last_linear.weight, last_linear.bias, 53 of *.num_batches_tracked" in printed
    assert 'backbone=dict(type="mmvareid.SEResNeXt", stem_pool="ceil", depth=50, init' in printed


def test_the_config_for_cadene_loads_every_tensor(cadene):
    model, dst, _ = cadene
    cfg = Config.fromfile(CONFIGS / "va-reid_seresnext101-cadene_market1501.py")
    # as by --cfg-options; with the last stride of the paper's model
    cfg.merge_from_dict(
        {"model.backbone.depth": 50, "model.backbone.init_cfg.checkpoint": str(dst)}
    )
    reid = MODELS.build(cfg.model)
    reid.init_weights()
    assert isinstance(reid.backbone, SEResNeXt)
    assert reid.backbone.strides == (1, 2, 2, 1)
    found = reid.backbone.state_dict()
    tensors = load_checkpoint_safely(str(dst))["state_dict"]
    assert {key for key in found if not key.endswith("num_batches_tracked")} == tensors.keys()
    for key, tensor in tensors.items():
        torch.testing.assert_close(found[key], tensor, rtol=0, atol=0)
    mean, std = (torch.tensor(model.default_cfg[key]) * 255 for key in ("mean", "std"))
    torch.testing.assert_close(reid.data_preprocessor.mean.flatten(), mean)
    torch.testing.assert_close(reid.data_preprocessor.std.flatten(), std)


@torch.no_grad()
def test_the_padded_stem_has_other_features(cadene):
    model, dst, _ = cadene
    images = torch.rand(1, 3, 64, 32)
    init_cfg = dict(type="Pretrained", checkpoint=str(dst))
    padded = MODELS.build(dict(type="mmvareid.SEResNeXt", depth=50, init_cfg=init_cfg))
    plain = MODELS.build(dict(type="SEResNeXt", depth=50, init_cfg=init_cfg))
    for backbone in (padded, plain):
        backbone.init_weights()
        backbone.eval()
    assert torch.equal(padded(images)[0], plain(images)[0])
    difference = (padded(images)[0] - model.forward_features(images)).abs().max()
    assert difference > 0.1


def test_an_unknown_stem_is_named():
    with pytest.raises(ValueError, match="stem_pool has to be one of .*'ceil'.* but got 'floor'"):
        SEResNeXt(50, stem_pool="floor")


@pytest.fixture
def resnet18():
    return torchvision.models.resnet18().state_dict()


@pytest.fixture
def convert():
    return importlib.import_module("backbone_keys").convert


def test_missing_and_unknown_tensors_are_named_as_the_library_names_them(convert, resnet18):
    del resnet18["layer2.0.bn1.running_var"]
    with pytest.raises(
        ValueError, match=r"18, but got layer2\.0\.bn1\.running_var missing and none"
    ):
        convert(resnet18, "torchvision")
    resnet18["layer2.0.bn1.running_var"] = torch.ones(128)
    resnet18["layer2.0.bn9.num_batches_tracked"] = torch.tensor(0)
    with pytest.raises(ValueError, match=r"none missing and layer2\.0\.bn9\.num_b\w+ unknown"):
        convert(resnet18, "torchvision")


def test_a_tensor_is_not_taken_under_the_name_of_another_library(convert):
    weights = timm.create_model("legacy_seresnext50_32x4d").state_dict()
    with pytest.raises(
        ValueError, match=r"conv1\.weight, .* missing and layer0\.conv1\.weight, .* more"
    ):
        convert(weights, "timm")
    weights["conv1.weight"] = weights.pop("layer0.conv1.weight")
    with pytest.raises(
        ValueError, match=r"layer0\.conv1\.weight missing and conv1\.weight unknown"
    ):
        convert(weights, "cadene")


def test_other_depths_and_widths_are_refused(convert, resnet18):
    with pytest.raises(
        ValueError, match=r"depth 50, 101, 152, but got \(2, 2, 2, 2\) blocks without"
    ):
        convert(resnet18, "timm")
    with pytest.raises(ValueError, match=r"have to have the blocks .* got \(0, 0, 0, 0\)"):
        convert({"conv1.weight": torch.ones(1)}, "torchvision")
    wide = torchvision.models.wide_resnet50_2().state_dict()
    shapes = r"layer1\.0\.conv1\.weight \(128, 64, 1, 1\) for \(64, 64, 1, 1\), "
    with pytest.raises(ValueError, match=f"the shapes of ResNet of depth 50, but got {shapes}"):
        convert(wide, "torchvision")


@pytest.mark.parametrize("kind", ["zip", "2018", "safetensors"])
def test_files_that_are_cut_off_are_named_and_nothing_is_written(kind, tmp_path, refused, resnet18):
    src = tmp_path / f"cut.{'safetensors' if kind == 'safetensors' else 'pth'}"
    save = {"zip": torch.save, "2018": save_as_in_2018, "safetensors": save_safetensors}[kind]
    save(resnet18, src)
    src.write_bytes(src.read_bytes()[: src.stat().st_size // 2])
    dst = tmp_path / "dst.pth"
    dst.write_bytes(b"what was there")
    # PyTorch 2.4 takes the end of an old file for pickled objects that it does not know.
    said = r"cut\.\w+ (cannot be read; is .* whole\?|.* or is damaged)"
    assert re.search(said, refused("torchvision", src, dst))
    assert dst.read_bytes() == b"what was there"
    assert {*tmp_path.iterdir()} == {src, dst}


def test_a_write_that_fails_leaves_what_was_there(tmp_path, refused, resnet18):
    src, dst = tmp_path / "src.pth", tmp_path / "dst.pth"
    torch.save(resnet18, src)
    dst.write_bytes(b"what was there")

    def fill_the_disk(_, path):
        path.write_bytes(b"half")
        raise OSError("no space left")

    with mock.patch.object(torch, "save", fill_the_disk):
        assert "no space left" in refused("torchvision", src, dst)
    assert dst.read_bytes() == b"what was there"
    assert {*tmp_path.iterdir()} == {src, dst}


def test_files_that_cannot_be_used_are_refused(tmp_path, refused, resnet18):
    src, link, dst = (tmp_path / name for name in ("src.pth", "link.pth", "dst.pth"))
    for name in ("none.pth", "none.safetensors"):
        assert re.search(rf"{name} do(es)? not exist", refused("timm", tmp_path / name, dst))
    torch.save(resnet18, src)
    link.symlink_to(src)
    assert "DST has to be another file than SRC" in refused("torchvision", src, link)
    for other in ([1, 2], {"epoch": 9}, {0: torch.ones(1)}):
        torch.save(other, src)
        assert "has to hold a state dict" in refused("torchvision", src, dst)
    assert not dst.exists()


def test_without_safetensors_its_files_say_what_to_install(tmp_path, refused):
    with mock.patch.dict(sys.modules, {"safetensors": None}):
        assert "pip install safetensors" in refused("timm", tmp_path / "a.safetensors", "b.pth")
