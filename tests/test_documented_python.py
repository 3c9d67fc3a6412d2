"""What the pages say in Python runs as it stands."""

import re

import pytest
import torch
from small_run import ROOT, SYNTHETIC

from mmvareid.config import load_config
from mmvareid.datasets import make_synthetic
from mmvareid.registry import MODELS


def python_blocks(path, heading):
    """The Python of a page, from a heading to the next one of its kind."""
    section = path.read_text().partition(f"{heading}\n")[2].split("\n## ")[0]
    return re.findall(r"```python\n(.*?)```", section, re.S)


@pytest.fixture
def after_the_demo(tmp_path, monkeypatch):
    """A folder as make demo leaves it, with weights that nothing has trained."""
    make_synthetic(tmp_path / "data/synthetic", num_ids=4, num_distractors=4, num_junk=0, seed=0)
    torch.manual_seed(0)
    cfg = load_config(str(SYNTHETIC))
    model = MODELS.build(cfg.model)
    (tmp_path / "work_dirs/demo").mkdir(parents=True)
    torch.save(
        {"state_dict": model.state_dict()},
        tmp_path / f"work_dirs/demo/epoch_{cfg.train_cfg.max_epochs}.pth",
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_search_of_the_readme(after_the_demo, capsys):
    (block,) = python_blocks(ROOT / "README.md", "## Search")
    assert len(block.splitlines()) <= 12
    exec(block, {})
    assert len(re.findall(r"^\d\.\d{3} data/synthetic/", capsys.readouterr().out, re.M)) == 5
    assert (after_the_demo / "people.npz").is_file()


def test_the_page_on_search(after_the_demo):
    names = {}
    for heading in ("## From pictures to descriptors", "## A gallery"):
        for block in python_blocks(ROOT / "docs/search.md", heading):
            exec(block, names)
    assert names["features"].shape[1] == 512 and len(names["gallery"]) == len(names["paths"]) - 2
