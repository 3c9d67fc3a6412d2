"""An exported model gives what the model gives, and says how images have to be prepared."""

import json
import re
import runpy
import shutil
import sys
from unittest import mock

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from mmengine.config import Config
from packaging.version import Version
from small_run import CONFIGS, ROOT, SMALL, SYNTHETIC, parse_options

import mmvareid
from mmvareid.apis import export, extract_features, load_model
from mmvareid.apis.export import describe_input, export_onnx
from mmvareid.config import load_config
from mmvareid.registry import MODELS

pytestmark = pytest.mark.skipif(
    Version(torch.__version__) < Version("2.7"), reason="exporting needs torch 2.7"
)
TOOL = "misc/export_onnx.py"
LOCAL = CONFIGS / "va-reid-local_seresnext-small_synthetic.py"
# A map of four rows, which the pyramid's four parts need.
SMALL_LOCAL = [
    *(option for option in SMALL if not option.startswith(("model.neck", "model.head"))),
    "model.neck.necks.0.in_channels=256",
    "model.neck.necks.0.out_channels=32",
    "model.neck.necks.1.in_channels=256",
    "model.head.heads.0.in_channels=32",
    "test_dataloader.dataset.pipeline.1.scale=(32,64)",
]
VIT = dict(
    type="VisionTransformer",
    arch=dict(embed_dims=32, num_layers=2, num_heads=2, feedforward_channels=64),
    img_size=(64, 32),
    patch_size=16,
)
CASES = {"global": (SYNTHETIC, SMALL), "local": (LOCAL, SMALL_LOCAL)}


def run_here(*args, options=()):
    """Run the tool in this process."""
    argv = [TOOL, *map(str, args), *(["--cfg-options", *options] if options else [])]
    with mock.patch.object(sys, "argv", argv):
        runpy.run_path(str(ROOT / "tools" / TOOL), run_name="__main__")


@pytest.fixture
def refused(capsys):
    """The function that runs the tool and returns what it says when it ends with status 2."""

    def run(*args, **kwargs):
        with pytest.raises(SystemExit, match="2"):
            run_here(*args, **kwargs)
        return capsys.readouterr().err

    return run


def squares(size, height, width):
    """Images (N, H, W, 3), uint8, of coloured squares."""
    grid = (size, height // 16, width // 16, 3)
    colors = np.random.default_rng(size).integers(0, 256, grid, np.uint8)
    return colors.repeat(16, axis=1).repeat(16, axis=2)


def lively_model(cfg, seed=0):
    """An untrained model whose descriptors differ from image to image: it knows its statistics."""
    torch.manual_seed(seed)
    model = MODELS.build({"data_preprocessor": cfg.get("data_preprocessor"), **cfg.model})
    for module in model.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.momentum = 1.0
    width, height = cfg.test_dataloader.dataset.pipeline[1].scale
    pixels = torch.from_numpy(squares(16, height, width)).permute(0, 3, 1, 2)
    model.train()
    with torch.no_grad():
        model(model.data_preprocessor({"inputs": pixels})["inputs"])
    return model.eval()


@pytest.fixture(scope="module", params=CASES)
def exported(request, tmp_path_factory):
    """The config, the model and the file of each case, exported by the tool."""
    folder = tmp_path_factory.mktemp(request.param)
    config, options = CASES[request.param]
    cfg = load_config(str(config), parse_options(options))
    torch.save({"state_dict": lively_model(cfg).state_dict()}, folder / "model.pth")
    run_here(config, folder / "model.pth", folder / "model.onnx", options=options)
    return cfg, load_model(cfg, str(folder / "model.pth"), "cpu"), folder / "model.onnx"


def features_of(model, images):
    """What a test gives for RGB images (N, H, W, 3), uint8, read from disk as BGR."""
    inputs = [torch.from_numpy(image[..., ::-1].copy()).permute(2, 0, 1) for image in images]
    with torch.no_grad():
        samples = model.test_step({"inputs": inputs})
    return torch.stack([sample.feature for sample in samples]).numpy()


@pytest.mark.parametrize("size", [1, 5])
def test_the_file_gives_the_features_of_tests(exported, size):
    cfg, model, path = exported
    width, height = cfg.test_dataloader.dataset.pipeline[1].scale
    images = squares(size, height, width)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    pixels = images.transpose(0, 3, 1, 2).astype(np.float32)
    (found,) = session.run(["descriptors"], {"images": pixels})
    expected = features_of(model, images)
    assert found.dtype == np.float32 and found.shape == expected.shape
    assert np.abs(found - expected).max() < 1e-4
    assert np.linalg.norm(found, axis=1) == pytest.approx(np.ones(size), abs=1e-5)
    # Colours in the other order, and pixels from 0 to 1, would be seen.
    assert np.abs(features_of(model, images[..., ::-1]) - expected).max() > 1e-2
    assert np.abs(session.run(None, {"images": pixels / 255})[0] - expected).max() > 1e-2


def test_the_file_says_how_images_are_prepared_and_names_no_folder(exported):
    cfg, _, path = exported
    width, height = cfg.test_dataloader.dataset.pipeline[1].scale
    proto = onnx.load(path)
    onnx.checker.check_model(proto, full_check=True)
    metadata = {entry.key: entry.value for entry in proto.metadata_props}
    about = json.loads(metadata.pop("mmvareid"))
    assert about["config"] == metadata["config"] == (SYNTHETIC if height == 32 else LOCAL).stem
    assert about["mmvareid_version"] == mmvareid.__version__
    assert (about["height"], about["width"]) == (height, width)
    assert (metadata["height"], metadata["width"]) == (str(height), str(width))
    assert about["color_order"] == "RGB" and about["value_range"] == [0, 255]
    assert about["interpolation"] == "bilinear" and set(metadata) == set(about)
    output = proto.graph.output[0].type.tensor_type.shape.dim
    assert [output[0].dim_param, output[1].dim_value] == ["batch", about["descriptor_size"]]
    content = path.read_bytes()
    assert b"site-packages" not in content and str(ROOT).encode() not in content
    assert [
        file.name for file in path.parent.iterdir() if file.suffix not in (".pth", ".onnx")
    ] == []


def test_the_lines_in_the_docs_give_the_features_of_mmvareid(exported, market_root, monkeypatch):
    cfg, model, path = exported
    loader = cfg.test_dataloader
    loader.dataset.data_root = str(market_root)
    loader.num_workers, loader.persistent_workers = 0, False
    found = extract_features(model, loader)
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs/export.md").read_text(), re.DOTALL)
    shutil.copy(found.infos[3]["img_path"], market_root / "person.jpg")
    shutil.copy(path, market_root / "model.onnx")
    monkeypatch.chdir(market_root)
    variables = {}
    exec(code, variables)
    assert np.abs(variables["descriptors"] - found.features[3]).max() < 1e-4
    assert np.abs(variables["descriptors"] - found.features[2]).max() > 1e-2


def test_a_vit_and_statistics_in_bgr_are_exported(tmp_path):
    cfg = load_config(str(SYNTHETIC), parse_options(SMALL))
    cfg.test_dataloader.dataset.pipeline[1].scale = (32, 64)
    cfg.model.backbone = VIT
    cfg.model.neck.in_channels = 32
    cfg.model.data_preprocessor = dict(mean=[100, 110, 120], std=[50, 60, 70], to_rgb=False)
    assert export_onnx(lively_model(cfg), cfg, tmp_path / "vit.onnx") < 1e-5


def test_a_file_that_differs_from_the_model_is_not_written(exported, monkeypatch, tmp_path):
    cfg, model, path = exported
    monkeypatch.setattr(export, "_to_onnx", lambda *_: onnx.load(path))
    with pytest.raises(
        ValueError, match="onnxruntime has to give the descriptors of tests to 0.00"
    ):
        export_onnx(lively_model(cfg, seed=1), cfg, tmp_path / "model.onnx")
    assert not [*tmp_path.iterdir()]
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert export_onnx(model, cfg, tmp_path / "model.onnx") is None
    assert [file.name for file in tmp_path.iterdir()] == ["model.onnx"]


def test_what_cannot_be_exported_is_said(refused, tmp_path, monkeypatch):
    config, options = CASES["global"]
    cfg = load_config(str(config), parse_options(options))
    torch.save({"state_dict": lively_model(cfg).state_dict()}, tmp_path / "model.pth")
    files = [config, tmp_path / "model.pth"]
    error = refused(*files, tmp_path / "no/model.onnx", options=options)
    assert f"the folder {tmp_path / 'no'} does not exist; make it" in error
    error = refused(*files, tmp_path / "model.onnx", options=[*options, "num_classes=3"])
    assert "has head.weight" in error and "is it of another config?" in error
    error = refused(config, tmp_path / "none.pth", tmp_path / "model.onnx", options=options)
    assert "none.pth does not exist" in error
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    error = refused(*files, tmp_path / "model.onnx", options=options)
    assert "needs onnx and onnxscript, but got: " in error
    assert "pip install onnx" in error
    monkeypatch.setattr(torch, "__version__", "2.4.1")
    error = refused(*files, tmp_path / "model.onnx", options=options)
    assert "needs torch 2.7 or later, but got 2.4.1; export on another installation" in error
    assert [file.name for file in tmp_path.iterdir()] == ["model.pth"]


def test_a_classifier_of_viewpoints_has_no_descriptors_to_export(tmp_path):
    cfg = load_config(str(ROOT / "configs/viewpoint/resnet50_market1501.py"))
    cfg.model.backbone.depth, cfg.model.head.in_channels = 18, 512
    with pytest.raises(ValueError, match="has to set `feature`, its descriptor, in tests"):
        export_onnx(lively_model(cfg), cfg, tmp_path / "model.onnx")


@pytest.mark.parametrize(
    "steps",
    [
        [dict(type="LoadImageFromFile"), dict(type="PackInputs")],
        [dict(type="LoadImageFromFile"), dict(type="Resize", scale=64), dict(type="PackInputs")],
        [
            dict(type="LoadImageFromFile"),
            dict(type="Resize", scale=(64, 128)),
            dict(type="CenterCrop", crop_size=64),
            dict(type="PackInputs"),
        ],
    ],
)
def test_a_pipeline_that_does_more_than_resize_is_refused(steps):
    cfg = Config(dict(test_dataloader=dict(dataset=dict(pipeline=steps))))
    with pytest.raises(
        ValueError, match=r"pipeline has to load, Resize to one scale=.* but got \["
    ):
        describe_input(cfg)
