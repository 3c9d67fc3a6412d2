import json
import re
import runpy
import shutil
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest
from mmengine.config import Config
from small_run import ROOT, SMALL, SYNTHETIC, error_of, run
from untrained_model import write_checkpoint

from mmvareid.apis import FeatureSet
from mmvareid.datasets import make_synthetic
from mmvareid.visualization.report import _lists

HOSTILE = "<script>document.title='run'<"  # a file's name may hold anything but a slash


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """Reports of one model and of two, and the metrics of tools/test.py."""
    root = tmp_path_factory.mktemp("report")
    make_synthetic(root / "set", num_ids=12, num_distractors=4, num_junk=2, seed=0)
    for path in sorted((root / "set/query").iterdir()):
        path.rename(path.with_name(f"{path.stem}_{HOSTILE}.jpg"))
    options = [*write_checkpoint(root / "a.pth"), f"data_root={root / 'set'}"]
    write_checkpoint(root / "b.pth", seed=1)
    run("test.py", SYNTHETIC, root / "a.pth", "--out", root / "metrics.json", options=options)
    tool, first = "analysis_tools/report.py", (SYNTHETIC, root / "a.pth")
    run(tool, *first, "--out", root / "new/one.html", "--queries", 2, options=options)
    run(
        tool, *first, "--compare", SYNTHETIC, root / "b.pth", "--labels", "A&B", "x_$y_{$", "--out",
        root / "two.html", "--queries", 2, options=options,
    )  # fmt: skip
    return root


def test_figures_are_those_of_the_evaluation(reports):
    metrics = json.loads((reports / "metrics.json").read_text())
    facts = json.loads((reports / "new/one.json").read_text())
    ((model),) = facts["models"]
    # test.py computes in another memory layout, which may swap near ties
    scores = {f"reid/{name}": value for name, value in model["scores"].items()}
    assert scores == pytest.approx(metrics, abs=0.1)
    text = (reports / "new/one.html").read_text()
    for name in ("mAP", "mINP", "Rank-1", "pair/front-back/mAP"):
        assert f"{scores[f'reid/{name}']:.2f}" in text, name
    assert len(model["sha256"]) == 64 and model["sha256"] in text
    assert "mmvareid.VAHead" in text  # the config


def test_two_models_are_set_side_by_side(reports):
    text = (reports / "two.html").read_text()
    one, two = json.loads((reports / "two.json").read_text())["models"]
    assert [one["label"], two["label"]] == ["A&B", "x_$y_{$"] and "A&B" not in text
    difference = two["scores"]["mAP"] - one["scores"]["mAP"]
    assert f"<td>{difference:+.1f}</td>" in text
    assert all(f"Queries that {how} most" in text for how in ("gain", "lose"))


def test_both_checkpoints_are_read_before_the_first_is_evaluated(reports, monkeypatch):
    monkeypatch.setattr("mmvareid.apis.extract_features", mock.Mock(side_effect=AssertionError))
    error = error_of(
        "analysis_tools/report.py", SYNTHETIC, reports / "a.pth", "--compare", SYNTHETIC,
        reports / "gone.pth", "--out", reports / "never.html",
        options=[*SMALL, f"data_root={reports / 'set'}"],
    )  # fmt: skip
    assert "gone.pth does not exist" in str(error)


@pytest.fixture(scope="module")
def tool():
    return runpy.run_path(str(ROOT / "tools/analysis_tools/report.py"), run_name="tool")


def test_queries_are_pooled_in_the_table_and_in_all_else(tool):
    rng = np.random.default_rng(0)
    people, cameras = [1, 2, 1, 1, 2, 1, 2], [1, 1, 1, 2, 2, 3, 3]
    infos = [
        dict(img_path=f"{i}.jpg", person_id=p, camera_id=c, viewpoint=i % 3, is_query=i < 5)
        for i, (p, c) in enumerate(zip(people, cameras, strict=True))
    ]
    features = rng.normal(size=(7, 4)).astype(np.float32)
    found = tool["pooled"](FeatureSet(features, infos), "cosine")
    # Images 0 and 2 are of one person and camera.
    assert [info["img_path"][0] for info in found.infos] == [*"031456"]
    assert [info["viewpoint"] for info in found.infos[:2]] == [-1, 0]
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    np.testing.assert_allclose(found.features[0], (unit[0] + unit[2]) / 2, atol=1e-6)
    assert (found.column("is_query") == found.table().is_query).all()


@pytest.mark.parametrize("number", [0, 1, 2])
def test_the_metric_of_a_list_of_evaluators_is_found(tool, number):
    ours = dict(type="mmvareid.ReIDMetric", topk=10)
    cfg = Config(dict(test_evaluator=[dict(type="Accuracy"), *[ours] * number]))
    if number == 1:
        assert tool["scoring_of"](cfg).topk == (10,)
        return
    with pytest.raises(ValueError, match=f"one mmvareid.ReIDMetric, but has {number}"):
        tool["scoring_of"](cfg)


def test_many_queries_are_drawn_on_several_pictures(reports):
    model = SimpleNamespace(
        label="a",
        features=np.eye(102, 4, dtype=np.float32) + 1,
        ranking=SimpleNamespace(ap=np.ones(101)),
    )
    infos = [dict(img_path=str(i), person_id=1, camera_id=i, is_query=i < 101) for i in range(102)]
    drawn = []

    def draw(lists, _):
        drawn.append(len(lists["a"]))
        return np.zeros((8, 8, 3), np.uint8)

    with mock.patch("mmvareid.visualization.report.draw_ranked_lists", draw):
        parts = _lists([model], infos, np.arange(101), "Worst")
    assert drawn == [50, 50, 1] and len(parts) == 4


@pytest.mark.parametrize("name", ["new/one.html", "two.html"])
def test_nothing_is_loaded_and_names_are_text(reports, name):
    text = (reports / name).read_text()
    assert "<script" not in text and "&lt;script&gt;" in text
    loaded = re.findall(r"(?:src|href)=['\"]?([^'\" >]*)", text)
    assert loaded and all(link.startswith(("data:image/", "#")) for link in loaded)


@pytest.mark.parametrize("name", ["new/one.html", "two.html"])
def test_the_page_in_a_browser(reports, name):
    browser_of = pytest.importorskip("playwright.sync_api").sync_playwright
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("needs chromium")
    with browser_of() as play:
        browser = play.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 400, "height": 800})
        problems, requests = [], []
        page.on("console", lambda message: problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto((reports / name).as_uri())
        assert page.title() != "run" and not problems
        assert [url for url in requests if not url.startswith("data:")] == [page.url]
        widths = page.eval_on_selector_all("img", "all => all.map(one => one.naturalWidth)")
        assert len(widths) >= 3 and all(widths)
        assert page.evaluate("document.documentElement.scrollWidth") <= 400
        assert page.locator("svg").count() == 1
        browser.close()
