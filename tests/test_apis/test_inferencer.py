import struct
import zlib

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image
from small_run import SYNTHETIC, parse_options
from untrained_model import write_checkpoint

from mmvareid.apis import (
    ReIDInferencer,
    extract_features,
    inference_dataloader,
    list_images,
    load_model,
)
from mmvareid.config import load_config
from mmvareid.fileio.images import UnreadableImageError, image_size, read_image

# By default a GPU convolves with TF32, which rounds by the batch.
CLOSE = 1e-3 if torch.cuda.is_available() else 1e-6


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """The config made small, and a checkpoint."""
    path = tmp_path_factory.mktemp("small") / "small.pth"
    options = write_checkpoint(path)
    return load_config(str(SYNTHETIC), parse_options(options)), str(path)


def test_descriptors_are_those_of_the_evaluation(small, market_root):
    cfg, checkpoint = small
    cfg = Config(cfg.to_dict())
    cfg.merge_from_dict({"test_dataloader.dataset.data_root": str(market_root)})
    table = extract_features(load_model(cfg, checkpoint), inference_dataloader(cfg, "test"))
    paths = [info["img_path"] for info in table.infos]
    inferencer = ReIDInferencer(cfg, checkpoint, batch_size=3)
    np.testing.assert_allclose(inferencer(paths), table.features, atol=CLOSE)
    np.testing.assert_allclose(np.linalg.norm(inferencer(paths), axis=1), 1, atol=CLOSE)


def test_configs_of_the_new_style_have_no_default_scope(small, market_root):
    cfg, checkpoint = small
    expected = ReIDInferencer(cfg, checkpoint)(market_root / "query")
    bare = Config({**cfg.to_dict(), "default_scope": None})
    np.testing.assert_array_equal(ReIDInferencer(bare, checkpoint)(market_root / "query"), expected)
    load_model(bare, checkpoint)


def test_paths_folders_arrays_and_batches_give_the_same(small, market_root):
    inferencer = ReIDInferencer(*small)
    folder = market_root / "query"
    paths = list_images(folder)
    expected = inferencer(folder)
    assert expected.shape == (4, 32) and expected.dtype == np.float32
    pictures = [cv2.imread(path) for path in paths]
    for given in (paths, pictures, np.stack(pictures), [paths[0], *pictures[1:]]):
        np.testing.assert_allclose(inferencer(given), expected, atol=CLOSE)
    np.testing.assert_allclose(inferencer(paths[0]), expected[:1], atol=CLOSE)
    np.testing.assert_allclose(inferencer(pictures[1]), expected[1:2], atol=CLOSE)


def test_flipped_average_does_not_tell_left_from_right(small, market_root):
    cfg, checkpoint = small
    picture = cv2.imread(list_images(market_root)[0])
    mirrored = np.ascontiguousarray(picture[:, ::-1])
    plain, flipping = (ReIDInferencer(cfg, checkpoint, flip=flip) for flip in (False, True))
    assert np.abs(plain(picture) - plain(mirrored)).max() > 1e-4
    np.testing.assert_allclose(flipping(picture), flipping(mirrored), atol=CLOSE)
    mean = plain(picture) + plain(mirrored)
    np.testing.assert_allclose(flipping(picture), mean / np.linalg.norm(mean), atol=CLOSE)
    assert plain.fingerprint != flipping.fingerprint


def test_amp_is_close(small, market_root):
    exact, low = ReIDInferencer(*small)(market_root), ReIDInferencer(*small, amp=True)(market_root)
    assert 0 < np.abs(exact - low).max() < 0.05


def test_the_fingerprint_is_of_the_weights_but_not_of_the_identities(small, tmp_path):
    cfg, checkpoint = small
    fingerprint = ReIDInferencer(cfg, checkpoint).fingerprint
    content = torch.load(checkpoint)
    content["state_dict"]["head.weight"] = torch.zeros(7, 32)  # of seven other people
    torch.save(content, tmp_path / "others.pth")
    assert ReIDInferencer(cfg, tmp_path / "others.pth").fingerprint == fingerprint
    name = next(name for name in content["state_dict"] if name.startswith("neck."))
    content["state_dict"][name] = content["state_dict"][name] + 1
    torch.save(content, tmp_path / "changed.pth")
    assert ReIDInferencer(cfg, tmp_path / "changed.pth").fingerprint != fingerprint


@pytest.mark.parametrize(
    "change",
    [
        {"model.data_preprocessor.mean": [0, 0, 0]},
        {"model.data_preprocessor.to_rgb": False},
        {"model.backbone.strides": (1, 2, 2, 2)},
    ],
)
def test_the_fingerprint_is_of_the_network_and_its_pixels_too(small, change, market_root):
    cfg, checkpoint = small
    plain = ReIDInferencer(cfg, checkpoint)
    other = Config(cfg.to_dict())
    other.merge_from_dict({"model.backbone.init_cfg": None, **change})
    changed = ReIDInferencer(other, checkpoint)
    assert np.abs(changed(market_root) - plain(market_root)).max() > 1e-3
    assert changed.fingerprint != plain.fingerprint


def test_a_model_whose_descriptors_are_none(small, market_root, tmp_path):
    cfg, checkpoint = small
    content = torch.load(checkpoint)
    content["state_dict"]["neck.bn.weight"] *= float("nan")
    torch.save(content, tmp_path / "nan.pth")
    inferencer = ReIDInferencer(cfg, tmp_path / "nan.pth")
    with pytest.raises(ValueError, match="unit length, but their lengths are from nan"):
        inferencer(market_root, skip_unreadable=True)


def test_configs_that_are_no_re_id_model_s(small):
    cfg, checkpoint = small
    with pytest.raises(ValueError, match="has to have model and test_dataloader"):
        ReIDInferencer(Config({"default_scope": "mmpretrain"}), checkpoint)
    other = Config(cfg.to_dict())
    other.test_dataloader.dataset.pipeline[0].imdecode_backend = "pillow"
    with pytest.raises(ValueError, match="without arguments, but .*'imdecode_backend': 'pillow'"):
        ReIDInferencer(other, checkpoint)
    with pytest.raises(ValueError, match="device has to be one that can be used, but got nope"):
        ReIDInferencer(cfg, checkpoint, device="nope")


def test_links_are_followed_once(market_root, tmp_path):
    folder = tmp_path / "links"
    folder.mkdir()
    (folder / "people").symlink_to(market_root / "query")
    (folder / "same").symlink_to(market_root / "query")
    (folder / "loop").symlink_to(folder)
    assert [path.split("/links/")[1].split("/")[0] for path in list_images(folder)] == [
        "people"
    ] * 4


def png(width, height):
    """A PNG whose header claims a size, with a scan of zeros that packs a thousandfold."""

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    scan = zlib.compress(bytes(2**22), 9)
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", scan), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("text.jpg", b"hello", "is no image"),
        ("empty.jpg", b"", "is missing or cut off"),
        ("cut.jpg", None, "is missing or cut off"),
        ("bomb.png", png(30_000, 30_000), "is no image, or larger|has 30000 x 30000 pixels"),
        ("large.png", png(9_000, 9_000), "has 9000 x 9000 pixels, more than 67108864"),
        ("gone.jpg", False, "is missing or cut off"),
    ],
)
def test_files_that_are_no_pictures(small, tmp_path, market_root, name, content, message):
    path = tmp_path / name
    good = list_images(market_root)[0]
    if content is None:
        with open(good, "rb") as file:
            content = file.read()[:-40]
    if content is not False:
        path.write_bytes(content)
    inferencer = ReIDInferencer(*small)
    with pytest.raises(UnreadableImageError, match=rf"{name} (?:{message})"):
        inferencer([good, path])
    found = inferencer([good, path], skip_unreadable=True)
    assert np.isnan(found[1]).all() and not np.isnan(found[0]).any()
    with pytest.raises(ValueError, match="none of 1 pictures could be read"):
        inferencer([path], skip_unreadable=True)


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        ([], ValueError, "at least one, but got none"),
        ("", ValueError, "have to be a path, but got an empty one"),
        (5, TypeError, "images have to be a path, a folder, .* but got int"),
        (np.zeros((4, 4)), TypeError, r"\(H, W, 3\) and uint8, in BGR, but got \(4, 4\) float64"),
        (np.zeros((2, 4, 4, 3)), TypeError, r"but got \(4, 4, 3\) float64"),
    ],
)
def test_what_is_no_picture(small, images, error, message):
    with pytest.raises(error, match=message):
        ReIDInferencer(*small)(images)


def test_folders_that_have_none(small, tmp_path):
    with pytest.raises(ValueError, match=r"has to hold images, .*\.webp, .* but has none"):
        ReIDInferencer(*small)(tmp_path)
    with pytest.raises(FileNotFoundError, match="the folder .*nothing does not exist"):
        list_images(tmp_path / "nothing")


@pytest.mark.parametrize("stray", [None, Image.new("RGB", (4, 8)), 3])
def test_which_of_a_list_is_no_picture_is_said(small, market_root, stray):
    images = [*list_images(market_root)[:2], stray]
    name = type(stray).__name__
    with pytest.raises(TypeError, match=rf"images\[2\] has to be a path, .* but got {name}"):
        ReIDInferencer(*small)(images)


def test_what_a_folder_has_besides_is_counted_and_named(market_root, log):
    list_images(market_root)
    (line,) = log
    assert line.startswith("WARNING 2 files below") and line.endswith(
        "are left out: bounding_box_train/Thumbs.db, viewpoints.json"
    )


def test_the_size_of_a_picture_that_exif_turns_is_that_of_its_pixels(tmp_path):
    for orientation in range(1, 9):
        path = tmp_path / f"{orientation}.jpg"
        exif = Image.Exif()
        exif[0x112] = orientation
        Image.new("RGB", (20, 40)).save(path, exif=exif)
        assert image_size(path) == read_image(path).shape[1::-1], orientation
    (tmp_path / "a.jpg").write_bytes(b"no image")
    with pytest.raises(UnreadableImageError, match=r"a\.jpg is missing or no image"):
        image_size(tmp_path / "a.jpg")


def test_bytes_are_read_as_a_file_is(market_root):
    path = list_images(market_root)[0]
    with open(path, "rb") as file:
        np.testing.assert_array_equal(read_image(file.read()), read_image(path))


def test_wrong_checkpoints(small, tmp_path):
    cfg, checkpoint = small
    content = torch.load(checkpoint)
    del content["state_dict"]["neck.embedding.weight"]
    torch.save(content, tmp_path / "other.pth")
    with pytest.raises(ValueError, match="lacks 1 such as neck.embedding.weight"):
        ReIDInferencer(cfg, tmp_path / "other.pth")

    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "touched"), "w"))

    torch.save({"state_dict": {}, "meta": Bomb()}, tmp_path / "bomb.pth")
    with pytest.raises(ValueError, match="could run code, .* was not loaded"):
        ReIDInferencer(cfg, tmp_path / "bomb.pth")
    assert not (tmp_path / "touched").exists()
    with pytest.raises(ValueError, match="batch_size has to be at least 1"):
        ReIDInferencer(cfg, checkpoint, batch_size=0)
