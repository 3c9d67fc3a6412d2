"""MACs and parameters of configs: the paper's table, thop, and counts by hand."""

import io
import json
import re
import runpy
import sys
from contextlib import redirect_stdout
from unittest import mock

import pytest
import torch
from mmengine.analysis import get_model_complexity_info
from mmpretrain import get_model
from small_run import CONFIGS, ROOT, error_of
from torch import nn

from mmvareid.config import load_config
from mmvareid.models import VAHead

TOOL = "analysis_tools/complexity.py"
complexity = runpy.run_path(str(ROOT / "tools" / TOOL))["complexity"]


def run_here(*args):
    """Run the tool in this process; returns what it prints."""
    with (
        mock.patch.object(sys, "argv", [TOOL, *map(str, args)]),
        redirect_stdout(io.StringIO()) as f,
    ):
        runpy.run_path(str(ROOT / "tools" / TOOL), run_name="__main__")
    return f.getvalue()


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """What the tool prints and writes without a config."""
    out = tmp_path_factory.mktemp("complexity") / "new_folder" / "complexity.json"
    printed = run_here("--out", out)
    return printed, json.loads(out.read_text())


@pytest.fixture
def rows(results):
    return {row["config"].split("_")[0]: row for row in results[1]}


def test_the_rows_of_the_paper_to_the_last_digit(results):
    printed, rows = results
    assert [row["config"] for row in rows] == re.findall(r"\S+_market1501(?=, 384x128)", printed)
    totals = re.findall(r"total +│ +(\S+ G) │ +(\S+ M)", printed)
    assert totals[:2] == [("9.85 G", "48.45 M"), ("9.86 G", "52.64 M")]
    for row, (macs, params) in zip(rows, totals, strict=True):
        total = row["parts"]["total"]
        assert (macs, params) == (f"{total['macs'] / 1e9:.2f} G", f"{total['params'] / 1e6:.2f} M")


def test_what_the_embedding_and_the_local_features_cost(rows):
    srb, va, local = (rows[name]["parts"] for name in ("srb", "va-reid", "va-reid-local"))
    assert srb["backbone"] == va["backbone"] == local["backbone"]
    assert srb["head"]["macs"] == srb["head"]["params"] == 751 * 2048
    for key in ("macs", "params"):
        assert va["total"][key] - srb["total"][key] == 2048 * 2048
    # 21 windows: a 1x1 convolution 2048 -> 256, BN, and a classifier each.
    extra = 21 * (2048 * 256 + 2 * 256 + 256 * 751)
    assert local["total"]["params"] - va["total"]["params"] == extra
    assert local["total"]["macs"] - va["total"]["macs"] == extra + 21 * 2 * 256


def test_viewpoint_centers_are_told_apart(rows):
    assert [row["training_only_params"] for row in rows.values()] == [0, *[751 * 3 * 2048] * 2]
    for row in rows.values():
        total = row["parts"]["total"]
        assert total["mmengine_params"] == total["params"] + row["training_only_params"]


def test_a_resnet_of_mmpretrain_at_another_shape(tmp_path):
    config = CONFIGS / "va-reid_resnet50_market1501.py"
    shown = run_here(config, "--shape", 64, 32, "--out", tmp_path / "out.json")
    assert "va-reid_resnet50_market1501, 64x32" in shown
    assert "in training only: 4.61 M parameters of U" in shown
    (row,) = json.loads((tmp_path / "out.json").read_text())
    assert row["parts"]["backbone"]["params"] == 23_508_032  # torchvision's, less its classifier
    (line,) = (line for line in shown.splitlines() if "total" in line)
    assert f"{row['parts']['total']['params'] / 1e6:.2f} M" in line


class Small(nn.Module):
    """A convolution, pooling with a linear layer, and our head."""

    def __init__(self):
        super().__init__()
        self.backbone = nn.Conv2d(3, 4, 3, padding=1)
        self.neck = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
        self.head = VAHead(in_channels=2, num_classes=5, num_views=3)

    def forward(self, image):
        return self.head((self.neck(self.backbone(image)),))


def test_a_small_model_counted_by_hand():
    found = complexity(Small(), (8, 6))
    parts = {
        name: (part["macs"], part["params"], part["mmengine_macs"], part["mmengine_params"])
        for name, part in found["parts"].items()
    }
    pixels = 8 * 6
    assert parts == {
        "backbone": (pixels * 4 * 27, 4 * 27 + 4, pixels * 4 * 27, 4 * 27 + 4),
        # thop adds what pooling writes to what it reads
        "neck": (pixels * 4 + 4 + 8, 8 + 2, pixels * 4 + 8, 8 + 2),
        "head": (5 * 2, 5 * 2, 0, 5 * 2 + 5 * 3 * 2),
        "total": (5184 + 204 + 10, 112 + 10 + 10, 5184 + 200, 112 + 10 + 40),
    }
    assert found["training_only_params"] == 5 * 3 * 2


def test_counts_are_those_of_thop():
    thop = pytest.importorskip("thop")
    layers = nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2),
        nn.InstanceNorm2d(8),
        nn.Conv2d(8, 8, (1, 3), groups=4, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.AvgPool2d(2),
        nn.AdaptiveAvgPool2d((2, 1)),
        nn.Flatten(2),
        nn.Conv1d(8, 4, 1),
        nn.Linear(2, 5),
        nn.LayerNorm(5),
    )
    model = nn.Sequential(layers)
    total = complexity(model, (37, 29))["parts"]["total"]
    image = torch.zeros(1, 3, 37, 29)
    assert (total["macs"], total["params"]) == thop.profile(model, (image,), verbose=False)


def test_a_config_agrees_with_thop_and_mmengine():
    thop = pytest.importorskip("thop")
    model = get_model(load_config(str(CONFIGS / "va-reid_seresnext-small_market1501.py")))
    total = complexity(model, (64, 32))["parts"]["total"]
    macs, _ = thop.profile(model, (torch.zeros(1, 3, 64, 32),), verbose=False)
    assert total["macs"] == macs + model.head.weight.numel()  # thop does not see W
    info = get_model_complexity_info(model, (3, 64, 32), show_table=False, show_arch=False)
    assert (total["mmengine_macs"], total["mmengine_params"]) == (info["flops"], info["params"])


def test_errors_name_the_config_and_what_to_do():
    assert "the config nothing.py does not exist" in str(error_of(TOOL, "nothing.py"))
    error = error_of(TOOL, ROOT / "configs/_base_/models/seresnext101.py")
    assert "has to have a Resize" in str(error)
    assert "give --shape HEIGHT WIDTH" in str(error)
