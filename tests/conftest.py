"""Fixtures that several tests use."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import settings
from mmengine.logging import MMLogger

# Times say nothing on a machine with other work, and CI should fail for no other reason twice.
settings.register_profile("mmvareid", deadline=None, derandomize=True)
settings.load_profile("mmvareid")


_LONG = ("test_tutorial.py", "test_train_and_test.py", "test_report.py", "test_docs.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start the longest files first, so that no process waits for another at the end."""
    items.sort(key=lambda item: item.path.name not in _LONG)


def _draw_images(folder: Path, names: Iterable[str]) -> None:
    """Write images of random noise, 8 pixels wide and 16 high."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed, name in enumerate(names):
        image = np.random.default_rng(seed).integers(0, 255, (16, 8, 3), np.uint8)
        assert cv2.imwrite(str(folder / name), image)


@pytest.fixture
def draw_images() -> Callable[[Path, Iterable[str]], None]:
    """The function ``draw_images(folder, names)``, which writes images of random noise."""
    return _draw_images


@pytest.fixture
def market_root(tmp_path: Path) -> Path:
    """A small Market-1501 folder with viewpoints.

    Train: people 2, 7, 11 with 6, 4 and 3 images. Query: people 1 and 3 with 2 images each.
    Gallery: 2 images of each from other cameras, 3 distractors (0000), 2 of junk (-1).
    ``viewpoints.json`` covers all but distractors and junk, in name order 0, 1, 2, 0, ... in train.
    """
    root = tmp_path / "market"
    train = sorted(
        f"{person:04d}_c{i % 3 + 1}s1_{i:06d}_00.jpg"
        for person, count in ((2, 6), (7, 4), (11, 3))
        for i in range(count)
    )
    query = [f"{person:04d}_c{c}s1_000100_00.jpg" for person in (1, 3) for c in (1, 2)]
    gallery = [f"{person:04d}_c{c}s1_000200_01.jpg" for person in (1, 3) for c in (3, 4)]
    _draw_images(root / "bounding_box_train", train)
    _draw_images(root / "query", query)
    others = [f"0000_c{c}s1_000300_01.jpg" for c in (1, 2, 3)]
    junk = [f"-1_c{c}s1_000400_01.jpg" for c in (1, 2)]
    _draw_images(root / "bounding_box_test", [*gallery, *others, *junk])
    (root / "bounding_box_train" / "Thumbs.db").write_bytes(b"the real set has one too")

    labels = {name: i % 3 for i, name in enumerate([*train, *query, *gallery])}
    (root / "viewpoints.json").write_text(json.dumps(labels))
    return root


@pytest.fixture
def on_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a Runner train on the CPU, whose numbers are the same to the bit from run to run."""
    monkeypatch.setattr("mmengine.runner.runner.get_device", lambda: "cpu")


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines that were logged, level first."""
    lines = []
    logger = MMLogger.get_current_instance()
    monkeypatch.setattr(
        logger, "callHandlers", lambda r: lines.append(f"{r.levelname} {r.getMessage()}")
    )
    return lines
