"""Augmentation of a whole batch on its device, image by image at random.

Each is the transform of the same name in mmpretrain or mmcv, with the same distributions, on uint8
batches (B, 3, H, W) in BGR. Parameters are drawn on the CPU by torch's generator, so that a seed
gives the same on every device, but for random pixels.
"""

import math

import torch
from torch import Tensor

from mmvareid.registry import TRANSFORMS

GREY = (0.114, 0.587, 0.299)  # luma of B, G, R


@TRANSFORMS.register_module()
class BatchRandomFlip:
    """Mirror images left to right; mmcv's ``RandomFlip``.

    Args:
        prob (float): Share of the images. Defaults to 0.5.
    """

    def __init__(self, prob: float = 0.5) -> None:
        if not 0 <= prob <= 1:
            raise ValueError(f"prob has to be in [0, 1], but got {prob}")
        self.prob = prob

    def __call__(self, images: Tensor) -> Tensor:
        """Return the batch with some images mirrored."""
        chosen = (torch.rand(len(images)) < self.prob).nonzero().flatten()
        chosen = chosen.to(images.device, non_blocking=True)
        images[chosen] = images[chosen].flip(-1)
        return images


@TRANSFORMS.register_module()
class BatchRandomCrop:
    """Pad with black and crop the old size anywhere; mmpretrain's ``RandomCrop``.

    Args:
        padding (int): Pixels on each side.
    """

    def __init__(self, padding: int) -> None:
        if padding < 0:
            raise ValueError(f"padding has to be at least 0, but got {padding}")
        self.padding = padding

    def __call__(self, images: Tensor) -> Tensor:
        """Return the batch with each image shifted by up to the padding."""
        moved = torch.zeros_like(images)
        height, width = images.shape[2:]
        offsets = torch.randint(-self.padding, self.padding + 1, (len(images), 2)).tolist()
        for old, new, (down, right) in zip(images, moved, offsets, strict=True):
            down, right = min(max(down, -height), height), min(max(right, -width), width)
            new[:, max(-down, 0) : height - down, max(-right, 0) : width - right] = old[
                :, max(down, 0) : height + down, max(right, 0) : width + right
            ]
        return moved


@TRANSFORMS.register_module()
class BatchRandomErasing:
    """Fill a rectangle of some images; mmpretrain's ``RandomErasing``.

    Args:
        erase_prob (float): Share of the images. Defaults to 0.5.
        min_area_ratio (float): Least area, as a share of the image. Defaults to 0.02.
        max_area_ratio (float): Largest area. Defaults to 0.4.
        aspect_range (tuple[float, float]): Height by width, drawn on a log scale.
        fill_color (tuple[float, float, float] | None): B, G, R; None fills with random pixels.
    """

    def __init__(
        self,
        erase_prob: float = 0.5,
        min_area_ratio: float = 0.02,
        max_area_ratio: float = 0.4,
        aspect_range: tuple[float, float] = (3 / 10, 10 / 3),
        fill_color: tuple[float, float, float] | None = (128, 128, 128),
    ) -> None:
        if not 0 <= erase_prob <= 1:
            raise ValueError(f"erase_prob has to be in [0, 1], but got {erase_prob}")
        if not 0 <= min_area_ratio <= max_area_ratio <= 1:
            raise ValueError(
                "min_area_ratio and max_area_ratio have to be in [0, 1] in this order, but got "
                f"{min_area_ratio} and {max_area_ratio}"
            )
        if len(aspect_range) != 2 or not 0 < aspect_range[0] <= aspect_range[1]:
            raise ValueError(
                "aspect_range has to be two ratios above 0, the smaller first, but got "
                f"{aspect_range}"
            )
        if fill_color is not None and len(fill_color) != 3:
            raise ValueError(f"fill_color has to be B, G, R or None, but got {fill_color}")
        self.erase_prob = erase_prob
        self.areas, self.aspects = (min_area_ratio, max_area_ratio), aspect_range
        self.fill_color = fill_color

    def __call__(self, images: Tensor) -> Tensor:
        """Return the batch with a rectangle of some images filled."""
        fill = None
        if self.fill_color is not None:
            color = torch.tensor(self.fill_color).to(images.dtype)  # cut off, as numpy does
            fill = color.to(images.device, non_blocking=True)[:, None, None]
        for image in images:
            if torch.rand(()) >= self.erase_prob:
                continue
            top, left, height, width = self._rectangle(*image.shape[1:])
            part = image[:, top : top + height, left : left + width]
            part.copy_(torch.randint_like(part, 256) if fill is None else fill)
        return images

    def _rectangle(self, height: int, width: int) -> tuple[int, int, int, int]:
        low, high = (math.log(aspect) for aspect in self.aspects)
        draws = torch.rand(4, dtype=torch.float64).tolist()
        aspect = math.exp(low + (high - low) * draws[0])
        area = height * width * (self.areas[0] + (self.areas[1] - self.areas[0]) * draws[1])
        h = min(round(math.sqrt(area * aspect)), height)
        w = min(round(math.sqrt(area / aspect)), width)
        return int(draws[2] * (height - h)), int(draws[3] * (width - w)), h, w


@TRANSFORMS.register_module()
class BatchColorJitter:
    """Change brightness, contrast and saturation in random order; mmpretrain's ``ColorJitter``.

    Args:
        brightness (float): Factors are drawn from [1 - brightness, 1 + brightness].
        contrast (float): Likewise.
        saturation (float): Likewise.
    """

    def __init__(
        self, brightness: float = 0.0, contrast: float = 0.0, saturation: float = 0.0
    ) -> None:
        self.spreads = (brightness, contrast, saturation)
        if not all(0 <= spread <= 1 for spread in self.spreads):
            raise ValueError(
                "brightness, contrast and saturation have to be in [0, 1], but got "
                f"{brightness}, {contrast} and {saturation}"
            )

    def __call__(self, images: Tensor) -> Tensor:
        """Return the batch with changed colours."""
        size = len(images)
        spreads = torch.tensor(self.spreads)[:, None]
        factors = 1 + spreads * (2 * torch.rand(3, size) - 1)
        factors = factors.to(images.device, non_blocking=True)
        order = torch.rand(3, size).argsort(dim=0)  # what each image does at each turn
        for turn in order:
            for kind, spread in enumerate(self.spreads):
                chosen = (turn == kind).nonzero().flatten()
                chosen = chosen.to(images.device, non_blocking=True)
                if spread and len(chosen):
                    images[chosen] = blend(images[chosen], factors[kind][chosen], kind)
        return images


def blend(images: Tensor, factors: Tensor, kind: int) -> Tensor:
    """Blend images (N, 3, H, W) with black (kind 0), their mean grey (1) or their grey (2).

    Args:
        images (Tensor): uint8, BGR.
        factors (Tensor): (N,); 1 changes nothing, 0 leaves only what is blended with.
        kind (int): As above.
    """
    pixels = images.float()
    other: Tensor | float = 0.0
    if kind:
        weights = torch.tensor(GREY).to(images.device, non_blocking=True)[:, None, None]
        other = (pixels * weights).sum(dim=1, keepdim=True).add_(0.5).floor_()
        if kind == 1:
            other = other.mean(dim=(2, 3), keepdim=True).add_(0.5).floor_()
    mixed = other + (pixels - other) * factors[:, None, None, None]
    return mixed.clamp_(0, 255).to(torch.uint8)
