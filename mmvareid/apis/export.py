"""A trained model as an ONNX file that says itself how images have to be prepared."""

import json
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.model import BaseModel
from mmpretrain.structures import DataSample
from packaging.version import Version
from torch import Tensor, nn

import mmvareid
from mmvareid.config.walk import kind
from mmvareid.fileio.whole_files import whole_file

TOLERANCE = 1e-4  # of a descriptor's values
BATCHES = (1, 5)  # sizes at which the file is compared with the model
SQUARE = 16  # pixels


class _FromPixels(nn.Module):
    """From RGB images (N, 3, H, W), 0 to 255, to unit descriptors (N, D)."""

    def __init__(self, model: BaseModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        pixels = self.model.data_preprocessor
        # Images come from disk as BGR, and to_rgb swaps them. Here they are RGB.
        x = images if pixels.to_rgb else images.flip(1)
        if hasattr(pixels, "mean"):
            x = (x - pixels.mean) / pixels.std
        return self.model(x)


def export_onnx(model: BaseModel, cfg: Config, path: str | Path) -> float | None:
    """Write a model as ONNX, with its preprocessing in the metadata; see docs/export.md.

    The input ``images`` (N, 3, H, W) is float32, RGB, 0 to 255, resized; N is free. Normalisation
    is part of the graph. The output ``descriptors`` (N, D) has rows of unit length.

    The file is compared with what the model gives in tests, and is there only if they agree.

    Args:
        model (BaseModel): As of :func:`mmvareid.apis.load_model`; it is put in evaluation mode.
        cfg (Config): As of :func:`mmvareid.config.load_config`; its test pipeline says H and W.
        path (str | Path): File to write, in a folder that exists.

    Returns:
        float | None: The largest difference between the file's descriptors and the model's on
        random images, or None where onnxruntime, which runs the file, is not installed.

    Raises:
        ImportError: onnx or onnxscript is not installed, or torch is older than 2.7.
        FileNotFoundError: The folder does not exist.
        ValueError: The test pipeline does more than resize, the model gives no descriptors, or the
            file's differ from the model's.
    """
    onnx = _import_onnx()
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"the folder {path.parent} does not exist; make it, or name another"
        )
    about = describe_input(cfg)
    from_pixels = _FromPixels(model).eval()
    shape = about["height"], about["width"]
    images = _random_images(2, *shape)
    example = torch.from_numpy(images).to(next(model.parameters()).device)
    expected = _test_features(model, images)
    with torch.no_grad():
        _check(from_pixels(example).cpu().numpy(), expected, "the model's forward")
    about["descriptor_size"] = expected.shape[1]

    proto = _to_onnx(from_pixels, example)
    for node in proto.graph.node:
        node.ClearField("metadata_props")  # paths of this machine
    for key, value in about.items():
        text = value if isinstance(value, str) else json.dumps(value)
        proto.metadata_props.add(key=key, value=text)
    proto.metadata_props.add(key="mmvareid", value=json.dumps(about))

    with whole_file(path) as part:
        onnx.save(proto, part)
        return _compare(model, part, shape) if find_spec("onnxruntime") else None


def describe_input(cfg: Config) -> dict[str, Any]:
    """Return what a file says of its input, its output and its origin.

    Args:
        cfg (Config): Its test pipeline has to load, resize to one size, and pack.

    Raises:
        ValueError: The pipeline does anything else.
    """
    pipeline = cfg.get("test_dataloader", {}).get("dataset", {}).get("pipeline", [])
    types = [kind(step) for step in pipeline]
    resize = pipeline[1] if types[1:2] == ["Resize"] else {}
    scale = resize.get("scale")
    if len(types) != 3 or not isinstance(scale, list | tuple) or resize.get("keep_ratio"):
        raise ValueError(
            "test_dataloader.dataset.pipeline has to load, Resize to one scale=(width, height) and "
            f"pack, so that a file can say how images are prepared, but got {types}; change it"
        )
    return {
        "config": Path(cfg.filename or "").stem,
        "mmvareid_version": mmvareid.__version__,
        "height": scale[1],
        "width": scale[0],
        "interpolation": resize.get("interpolation", "bilinear"),
        "resize_library": resize.get("backend", "cv2"),
        "color_order": "RGB",
        "value_range": [0, 255],
        "normalization": "inside",
        "layout": "NCHW",
        "descriptor_norm": "L2",
    }


def _import_onnx() -> Any:
    """Return the module onnx, or say what has to be installed."""
    if Version(torch.__version__) < Version("2.7"):
        raise ImportError(
            f"exporting needs torch 2.7 or later, but got {torch.__version__}; export on another "
            "installation, which reads the same checkpoint"
        )
    try:
        import_module("onnxscript")  # torch's exporter uses it
        return import_module("onnx")
    except ImportError as error:
        raise ImportError(
            f"exporting needs onnx and onnxscript, but got: {error}; do "
            "pip install onnx onnxruntime onnxscript"
        ) from error


def _to_onnx(model: nn.Module, images: Tensor) -> Any:
    """Return the graph of a model, with its weights, for any number of images."""
    # torch has two exporters. The older one (dynamo=False), the only one with a free batch in torch
    # 2.4 and deprecated since 2.9, cannot export GeM pooling, whose window is the size of the map.
    # The newer one can; of torch 2.5 and 2.6 it fails on batch norms with today's onnxscript. The
    # opset is named since its default changes with torch.
    batch = torch.export.Dim("batch", max=2**16)  # without max, torch 2.7 fails on the stripes
    program = torch.onnx.export(
        model,
        (images,),
        input_names=["images"],
        output_names=["descriptors"],
        dynamic_shapes={"images": {0: batch}},
        opset_version=18,
        dynamo=True,
        verbose=False,
    )
    assert program is not None  # None is of the older exporter
    return program.model_proto


def _compare(model: BaseModel, path: Path, shape: tuple[int, int]) -> float:
    """Return the largest difference between a file's descriptors and the model's."""
    onnxruntime = import_module("onnxruntime")
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    differences = []
    for size in BATCHES:
        images = _random_images(size, *shape)
        (found,) = session.run(["descriptors"], {"images": images})
        differences.append(_check(found, _test_features(model, images), "onnxruntime"))
    return max(differences)


def _check(found: np.ndarray, expected: np.ndarray, source: str) -> float:
    """Return the largest difference of descriptors, or raise where it is too large."""
    if found.shape != expected.shape:
        raise ValueError(
            f"{source} has to give {expected.shape} descriptors, but got {found.shape}"
        )
    difference = float(np.abs(found - expected).max())
    if not difference <= TOLERANCE:
        raise ValueError(
            f"{source} has to give the descriptors of tests to {TOLERANCE:g}, but they differ by "
            f"{difference:.2g}; nothing was written"
        )
    return difference


def _random_images(size: int, height: int, width: int) -> np.ndarray:
    """Return images of coloured squares, 0 to 255, float32 (size, 3, height, width)."""
    grid = (size, 3, -(-height // SQUARE), -(-width // SQUARE))
    # Noise of single pixels would look the same to a network in every image.
    colors = np.random.default_rng(size).integers(0, 256, grid).astype(np.float32)
    return colors.repeat(SQUARE, axis=2).repeat(SQUARE, axis=3)[:, :, :height, :width]


@torch.no_grad()
def _test_features(model: BaseModel, images: np.ndarray) -> np.ndarray:
    """Return what the test path gives for RGB images, as if read from disk; (N, D)."""
    inputs = [torch.from_numpy(image[::-1].astype(np.uint8)) for image in images]  # BGR
    samples = model.test_step({"inputs": inputs, "data_samples": [DataSample() for _ in inputs]})
    if not all("feature" in sample for sample in samples):
        raise ValueError(
            "the model has to set `feature`, its descriptor, in tests, but got none; choose a "
            "config whose head is one of mmvareid's"
        )
    return torch.stack([sample.feature for sample in samples]).cpu().numpy()
