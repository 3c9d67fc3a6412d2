"""Transforms of a batch beside mmpretrain's of an image: same pixels, same distributions."""

import mmcv
import numpy as np
import pytest
import torch
from mmcv.transforms import RandomFlip
from mmengine.model import BaseDataPreprocessor
from mmpretrain.datasets.transforms import ColorJitter, RandomCrop, RandomErasing
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from scipy.stats import ks_2samp

from mmvareid.models.batch_transforms import (
    BatchColorJitter,
    BatchRandomCrop,
    BatchRandomErasing,
    BatchRandomFlip,
    blend,
)

N, HEIGHT, WIDTH = 3000, 32, 16
# Blue is the column and green the row, from 1, so that pictures tell what was done to them.
COORDINATES = np.stack(
    [
        np.tile(np.arange(1, WIDTH + 1), (HEIGHT, 1)),
        np.tile(np.arange(1, HEIGHT + 1)[:, None], (1, WIDTH)),
        np.full((HEIGHT, WIDTH), 200),
    ],
    axis=2,
).astype(np.uint8)


def theirs(transform, image=COORDINATES):
    """What mmpretrain makes of N copies of an image, (N, H, W, 3)."""
    np.random.seed(0)
    return np.stack([transform(dict(img=image.copy()))["img"] for _ in range(N)])


def ours(transform, image=COORDINATES):
    torch.manual_seed(0)
    batch = torch.from_numpy(image).permute(2, 0, 1).repeat(N, 1, 1, 1)
    return transform(batch).permute(0, 2, 3, 1).numpy()


def alike(ours, theirs):
    """Kolmogorov and Smirnov see no difference; seeds are fixed, so this is no matter of luck."""
    assert np.std(theirs) > 0
    assert ks_2samp(ours, theirs).pvalue > 0.01


def test_flip():
    mine, other = ours(BatchRandomFlip(0.3)), theirs(RandomFlip(prob=0.3))
    flipped = [(images[:, 0, 0, 0] == WIDTH) for images in (mine, other)]
    assert abs(flipped[0].mean() - flipped[1].mean()) < 0.04
    np.testing.assert_array_equal(mine[flipped[0]][0], other[flipped[1]][0])
    np.testing.assert_array_equal(mine[~flipped[0]][0], COORDINATES)


def test_crop():
    both = ours(BatchRandomCrop(4)), theirs(RandomCrop(crop_size=(HEIGHT, WIDTH), padding=4))
    offsets = []
    for images in both:
        # The middle shows the row and the column that have come there.
        rows, columns = images[:, 16, 8, 1].astype(int), images[:, 16, 8, 0].astype(int)
        offsets.append(np.stack([rows - 17, columns - 9], axis=1))
        assert offsets[-1].min() == -4 and offsets[-1].max() == 4
    for axis in (0, 1):
        alike(offsets[0][:, axis], offsets[1][:, axis])
    seen = {tuple(offset): image for offset, image in zip(offsets[1], both[1], strict=True)}
    for offset, image in zip(offsets[0], both[0], strict=True):
        np.testing.assert_array_equal(image, seen.get(tuple(offset), image))
    assert len(seen) == 81


@pytest.mark.parametrize("size", [(32, 16), (9, 40)])
def test_erasing(size):
    image = np.zeros((*size, 3), np.uint8)
    options = dict(erase_prob=0.6, min_area_ratio=0.02, max_area_ratio=0.4)
    color = (103.53, 116.28, 123.675)
    both = (
        ours(BatchRandomErasing(**options, fill_color=color), image),
        theirs(RandomErasing(**options, fill_color=color), image),
    )
    boxes = []
    for images in both:
        erased = (images == np.array(color).astype(np.uint8)).all(axis=3)
        np.testing.assert_array_equal(erased, (images > 0).all(axis=3))
        rows, columns = erased.any(axis=2), erased.any(axis=1)
        hit = rows.any(axis=1)
        boxes.append(
            dict(
                share=hit.mean(),
                top=rows.argmax(axis=1)[hit],
                left=columns.argmax(axis=1)[hit],
                height=rows.sum(axis=1)[hit],
                width=columns.sum(axis=1)[hit],
            )
        )
        np.testing.assert_array_equal(
            erased.sum(axis=(1, 2))[hit], boxes[-1]["height"] * boxes[-1]["width"]
        )
    assert abs(boxes[0]["share"] - boxes[1]["share"]) < 0.04
    for name in ("top", "left", "height", "width"):
        alike(boxes[0][name], boxes[1][name])


def test_padding_may_be_larger_than_the_image():
    images = BatchRandomCrop(9)(torch.full((2000, 3, 4, 2), 7.0))
    seen = (images == 7).flatten(1).any(1).float().mean()
    assert abs(seen - 7 / 19 * 3 / 19) < 0.02  # shifted by less than 4 and by less than 2


def test_erasing_with_random_pixels():
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    filled = ours(BatchRandomErasing(1.0, fill_color=None), image)
    values = filled[filled > 0]
    assert values.max() == 255 and abs(values.mean() - 128) < 1


@pytest.mark.parametrize("kind", [0, 1, 2])
@pytest.mark.parametrize("factor", [0.0, 0.4, 1.0, 1.7])
def test_blending_gives_the_pixels_of_pillow(kind, factor):
    image = np.random.default_rng(kind).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    adjust = (mmcv.adjust_brightness, mmcv.adjust_contrast, mmcv.adjust_color)[kind]
    options = {"alpha": factor} if kind == 2 else {"factor": factor}
    expected = adjust(image, **options, backend="pillow")
    batch = torch.from_numpy(image).permute(2, 0, 1)[None]
    found = blend(batch, torch.tensor([factor]), kind)[0].permute(1, 2, 0).numpy()
    assert np.abs(found.astype(int) - expected).max() <= 1
    assert (found != expected).mean() < 0.02


@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation"])
def test_jitter(name):
    image = np.random.default_rng(0).integers(40, 160, (HEIGHT, WIDTH, 3), np.uint8)
    both = ours(BatchColorJitter(**{name: 0.3}), image), theirs(ColorJitter(**{name: 0.3}), image)
    what = {
        "brightness": lambda images: images.mean(axis=(1, 2, 3)),
        "contrast": lambda images: images.std(axis=(1, 2, 3)),
        "saturation": lambda images: np.abs(np.diff(images.astype(float))).mean(axis=(1, 2, 3)),
    }[name]
    alike(what(both[0]), what(both[1]))


def test_jitter_of_all_in_random_order():
    image = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    options = dict(brightness=0.4, contrast=0.4, saturation=0.4)
    both = ours(BatchColorJitter(**options), image), theirs(ColorJitter(**options), image)
    for statistic in (np.mean, np.std):
        alike(statistic(both[0], axis=(1, 2, 3)), statistic(both[1], axis=(1, 2, 3)))


def test_the_seed_decides():
    transform = BatchColorJitter(0.2, 0.2, 0.2)
    np.testing.assert_array_equal(ours(transform)[:50], ours(transform)[:50])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BatchRandomFlip(1.1), "prob has to be"),
        (lambda: BatchRandomCrop(-1), "padding has to be"),
        (lambda: BatchRandomErasing(min_area_ratio=0.5), "min_area_ratio and max_area_ratio"),
        (lambda: BatchRandomErasing(erase_prob=2), "erase_prob has to be"),
        (lambda: BatchRandomErasing(aspect_range=(0, 1)), "aspect_range has to be"),
        (lambda: BatchRandomErasing(fill_color=(1, 2)), "fill_color has to be"),
        (lambda: BatchColorJitter(contrast=2), "contrast and saturation have to be"),
    ],
)
def test_bad_options(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_the_preprocessor_augments_in_training_only():
    config = dict(
        type="mmvareid.BatchAugmentPreprocessor",
        mean=[0.0] * 3,
        std=[1.0] * 3,
        to_rgb=True,
        transforms=[dict(type="mmvareid.BatchRandomFlip", prob=1.0)],
    )
    model = MODELS.build(config)
    assert isinstance(model, BaseDataPreprocessor)
    image = torch.from_numpy(COORDINATES).permute(2, 0, 1)
    for inputs in ([image.clone(), image.clone()], torch.stack([image, image])):
        data = dict(inputs=inputs, data_samples=[DataSample().set_gt_label(i) for i in (0, 1)])
        tested = model(data, training=False)["inputs"]
        trained = model(data, training=True)["inputs"]
        torch.testing.assert_close(tested[0], image.flip(0).float())
        torch.testing.assert_close(trained, tested.flip(-1))
