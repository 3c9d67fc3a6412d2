import importlib.util
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from small_run import ENV, ROOT, SYNTHETIC, parse_options
from untrained_model import write_checkpoint

from mmvareid.apis import Gallery, ReIDInferencer, list_images
from mmvareid.config import load_config

PROJECT = ROOT / "projects/gallery_demo"


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A config of its own and its checkpoint."""
    root = tmp_path_factory.mktemp("small")
    options = write_checkpoint(root / "small.pth")
    load_config(str(SYNTHETIC), parse_options(options)).dump(root / "small.py")
    return root / "small.py", root / "small.pth"


@pytest.fixture
def made(small, market_root, monkeypatch):
    """The search of the demo on a small gallery, and the pictures in it."""
    spec = importlib.util.spec_from_file_location("demo_search", PROJECT / "search.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "demo_search", module)
    spec.loader.exec_module(module)
    inferencer = ReIDInferencer(*small, progress=False)
    paths = list_images(market_root)
    gallery = Gallery(inferencer.fingerprint)
    cameras = [int(Path(path).name.split("_c")[1][0]) for path in paths]
    gallery.add(inferencer(paths), paths, cameras=cameras, viewpoints=np.arange(len(paths)) % 4 - 1)
    return module.Search(inferencer, gallery, market_root), paths


def test_a_picture_of_the_gallery_is_found_first(made):
    search, paths = made
    found, message = search([paths[3]], [], [], 5, False)
    assert len(found) == 5 and message == f"5 of {len(paths)} pictures, the most similar first."
    picture, caption = found[0]
    assert caption.startswith("1: 1.000, ") and picture.shape == (256, 128, 3)
    own = cv2.resize(cv2.imread(paths[3]), (128, 256), interpolation=cv2.INTER_AREA)[..., ::-1]
    np.testing.assert_array_equal(picture, own)


def test_filters_and_reranking(made):
    search, paths = made
    assert search.cameras() == [1, 2, 3, 4]
    assert search.viewpoints() == ["unknown", "front", "side", "back"]
    found, _ = search(paths[:2], [2], ["front", "unknown"], 50, True)
    assert found and all("camera 2" in caption for _, caption in found)
    assert not any("side" in caption or "back" in caption for _, caption in found)
    search.gallery.remove([i for i, path in enumerate(paths) if "_c4" in path])
    assert search(paths[:1], [4], [], 5, False) == (
        [], "Nothing in the gallery is left by these filters.",
    )  # fmt: skip


def test_what_is_no_query(made, tmp_path):
    search, paths = made
    (tmp_path / "x.jpg").write_text("hello")
    assert search(None, [], [], 5, False)[1].startswith("Drop a picture")
    assert search([str(tmp_path / "x.jpg")], [], [], 5, False)[1].startswith("One of the files is")
    assert search(paths[:9], [], [], 5, False)[1] == "At most 8 pictures make a query; 9 came."


def test_more_than_three_viewpoints_have_the_names_of_the_evaluation(made):
    search, paths = made
    search.gallery.add(search.inferencer(paths[0]), paths[:1], viewpoints=[7])
    assert search.viewpoints() == ["unknown", "view0", "view1", "view2", "view7"]
    found, _ = search([paths[0]], [], ["view7"], 5, False)
    assert len(found) == 1 and found[0][1].endswith("view7")


@pytest.mark.parametrize("name", ["../outside.jpg", "gone.jpg", "a\0b.jpg", "x" * 300 + ".jpg"])
def test_pictures_outside_the_folder_are_grey(made, name):
    search, paths = made
    shutil.copy(paths[0], search.root.parent / "outside.jpg")
    search.gallery.add(search.inferencer(paths[0]), [search.root / name])
    found, _ = search([paths[0]], [], [], 50, False)
    assert len(found) == len(paths) + 1
    assert sum((picture == 128).all() for picture, _ in found) == 1


def test_clicking_through(small, made, tmp_path):
    browser_of = pytest.importorskip("playwright.sync_api").sync_playwright
    pytest.importorskip("gradio")
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("needs chromium")
    search, paths = made
    search.gallery.save(tmp_path / "g.npz")
    (tmp_path / "text.jpg").write_text("hello")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    app = subprocess.Popen(
        [sys.executable, "-W", "ignore", PROJECT / "app.py", *small, tmp_path / "g.npz",
         search.root, "--port", str(port)],
        env={**ENV, "PYTHONPATH": str(ROOT)}, cwd=tmp_path, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline = time.time() + 120
        while socket.socket().connect_ex(("127.0.0.1", port)) and time.time() < deadline:
            assert app.poll() is None
            time.sleep(0.5)
        with browser_of() as play:
            browser = play.chromium.launch(executable_path=program, args=["--no-sandbox"])
            page = browser.new_page()
            errors, outside = [], []
            own = f"http://127.0.0.1:{port}/"
            page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
            page.on(
                "request",
                lambda r: None if r.url.startswith((own, "data:", "blob:")) else outside.append(r),
            )
            page.goto(own)
            page.set_input_files("input[type=file]", paths[3])
            page.get_by_text("the most similar first").wait_for(timeout=60_000)
            assert page.locator("figure").first.inner_text().startswith("1: 1.000")
            page.get_by_label("front").check()
            page.get_by_role("button", name="Search").click()
            page.wait_for_function(
                "[...document.querySelectorAll('figure')].every(f => f.innerText.includes('front'))"
            )
            assert page.locator("figure").count() > 1
            page.set_input_files("input[type=file]", tmp_path / "text.jpg")
            page.get_by_text("is no picture").wait_for(timeout=60_000)
            for path in ("/etc/passwd", paths[0], f"{search.root}/%2e%2e/%2e%2e/etc/passwd"):
                assert page.request.get(f"{own}gradio_api/file={path}").status == 403
            assert not errors and not outside
            browser.close()
    finally:
        app.terminate()
        app.wait(timeout=30)
