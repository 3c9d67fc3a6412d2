"""Files that would run code: no tool and no reader runs it, and each says why it stops."""

import ast
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from small_run import ROOT, SYNTHETIC, error_of

from mmvareid.apis import Gallery, ReIDInferencer, load_model
from mmvareid.config import load_config
from mmvareid.datasets import load_viewpoints
from mmvareid.evaluation.table import Descriptors
from mmvareid.fileio.arrays import load_arrays
from mmvareid.fileio.checkpoints import load_checkpoint_safely
from mmvareid.fileio.newest_checkpoint import find_whole_checkpoint
from mmvareid.viewpoint import read_poses
from mmvareid.viewpoint.soft import load_soft_viewpoints


class Hostile:
    """Makes a file when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


@pytest.fixture
def marker(tmp_path):
    """What hostile files make; the payload is tried, so that it cannot be harmless."""
    path = tmp_path / "ran"
    pickle.loads(pickle.dumps(Hostile(path)))
    path.unlink()
    yield path
    assert not path.exists(), "code from the file was run"


CHECKPOINT_READERS = {
    "load_checkpoint_safely": load_checkpoint_safely,
    "load_model": lambda path: load_model(load_config(str(SYNTHETIC)), path),
    "ReIDInferencer": lambda path: ReIDInferencer(SYNTHETIC, path),
}


@pytest.mark.parametrize("name", CHECKPOINT_READERS)
@pytest.mark.parametrize("zipped", [True, False])
def test_readers_of_checkpoints(name, zipped, marker, tmp_path):
    path = tmp_path / "hostile.pth"
    content = {"state_dict": {"head.weight": torch.ones(1)}, "meta": Hostile(marker)}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(ValueError, match=r"hostile\.pth"):
        CHECKPOINT_READERS[name](str(path))


# Tool -> what it writes, and its arguments: FILE for the checkpoint, OUT for what would be written.
TOOLS = {
    "train.py": ("", [SYNTHETIC, "--resume", "FILE"]),
    "test.py": ("", [SYNTHETIC, "FILE"]),
    "misc/publish_model.py": (".pth", ["FILE", "OUT"]),
    "misc/export_onnx.py": (".onnx", [SYNTHETIC, "FILE", "OUT"]),
    "model_converters/convert_backbone.py": (".pth", ["timm", "FILE", "OUT"]),
    "analysis_tools/report.py": (".html", [SYNTHETIC, "FILE", "--out", "OUT"]),
    "inference/extract.py": (".npz", [SYNTHETIC, "FILE", "IMAGES", "OUT"]),
    "inference/search.py": (".npz", [SYNTHETIC, "FILE", "OUT", "IMAGES"]),
    "visualization/embedding.py": (".png", [SYNTHETIC, "FILE", "--out", "OUT"]),
    "visualization/ranked_lists.py": (".png", [SYNTHETIC, "FILE", "--out", "OUT"]),
    "visualization/soft_labels.py": (".png", [SYNTHETIC, "FILE", "--out", "OUT"]),
}


def few_people(root, tmp_path):
    return [
        f"data_root={root}",
        f"work_dir={tmp_path / 'work'}",
        "train_dataloader.batch_size=8",
        "train_dataloader.sampler.num_identities=2",
        "num_classes=3",
    ]


@pytest.mark.parametrize("tool", TOOLS)
def test_tools_that_read_checkpoints(tool, marker, market_root, tmp_path, capsys, monkeypatch):
    monkeypatch.syspath_prepend((ROOT / "tools" / tool).parent)
    path, out = tmp_path / "hostile.pth", tmp_path / ("out" + TOOLS[tool][0])
    torch.save({"state_dict": {}, "optimizer": {}, "meta": Hostile(marker)}, path)
    places = {"FILE": path, "OUT": out, "IMAGES": market_root / "query"}
    arguments = [places.get(argument, argument) for argument in TOOLS[tool][1]]
    options = few_people(market_root, tmp_path) if SYNTHETIC in arguments else []
    error = error_of(tool, *arguments, options=options)
    said = str(error) + capsys.readouterr().err  # argparse says it there
    assert "hostile.pth holds objects that could run code" in said, said
    assert not out.exists()


def test_a_backbone_s_weights(marker, market_root, tmp_path):
    path = tmp_path / "hostile.pth"
    torch.save({"state_dict": {}, "meta": Hostile(marker)}, path)
    options = [
        *few_people(market_root, tmp_path),
        "model.backbone.init_cfg.type=Pretrained",
        f"model.backbone.init_cfg.checkpoint={path}",
    ]
    error = error_of("train.py", SYNTHETIC, options=options)
    assert "hostile.pth holds objects that could run code" in str(error)


def test_the_search_for_a_whole_checkpoint(marker, tmp_path):
    torch.save({"optimizer": Hostile(marker)}, tmp_path / "epoch_1.pth")
    found, (said,) = find_whole_checkpoint(tmp_path)
    assert found is None and "could run code" in said


VIEWPOINT_READERS = {
    "load_viewpoints": load_viewpoints,
    "load_soft_viewpoints": lambda path: load_soft_viewpoints(path, "name"),
    "convert": lambda p: raise_error("dataset_converters/convert_viewpoints.py", p, f"{p}.csv"),
    "audit": lambda path: raise_error("analysis_tools/audit_viewpoints.py", path),
}


def raise_error(*command):
    raise error_of(*command)


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("name", VIEWPOINT_READERS)
def test_readers_of_viewpoints(name, protocol, marker, tmp_path):
    path = tmp_path / "views.pkl"
    path.write_bytes(pickle.dumps({"a.jpg": Hostile(marker)}, protocol))
    with pytest.raises((ValueError, SystemExit), match=r"views\.pkl.*refused.*may run any code"):
        VIEWPOINT_READERS[name](str(path))


ARRAY_READERS = {
    "load_arrays": load_arrays,
    "read_poses": read_poses,
    "Gallery": Gallery.load,
    "Descriptors": Descriptors.load,
    "eval_features": lambda path: raise_error("analysis_tools/eval_features.py", path),
}


@pytest.mark.parametrize("name", ARRAY_READERS)
def test_readers_of_arrays(name, marker, tmp_path):
    path = tmp_path / "arrays.npz"
    hostile = np.array([Hostile(marker)], dtype=object)
    names = ["features", "names", "keypoints", "format", "fingerprint", "person_id", "paths"]
    np.savez(path, **dict.fromkeys(names, hostile))
    with pytest.raises(ValueError, match=r"arrays\.npz"):
        ARRAY_READERS[name](str(path))


def test_one_array(marker, tmp_path):
    path = tmp_path / "features.npy"
    np.save(path, np.array([Hostile(marker)], dtype=object))
    error = error_of("analysis_tools/eval_features.py", f"features={path}")
    assert "features.npy" in str(error)


SAFE = {"weights_only": True, "allow_pickle": False}
MODULES = {"torch": ("load",), "np": ("load",), "pickle": ("load", "loads"), "joblib": ("load",)}


def test_no_reader_is_left_out():
    """Each call that could unpickle says that it does not."""
    unsafe = []
    for folder in ("mmvareid", "tools", "projects"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                match node:
                    case ast.Call(func=ast.Attribute(value=ast.Name(module), attr=name)) if (
                        name in MODULES.get(module, ())
                    ):
                        given = {k.arg: getattr(k.value, "value", None) for k in node.keywords}
                        if given.items().isdisjoint(SAFE.items()):
                            unsafe.append(f"{path}:{node.lineno}")
    assert not unsafe
