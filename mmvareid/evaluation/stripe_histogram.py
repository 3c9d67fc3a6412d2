"""The baseline of re-identification without learning: histograms of colour, stripe by stripe."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

STRIPES = 6
BINS = (8, 4, 4)  # hue, saturation, value


def stripe_histogram(images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
    """HSV histograms of six horizontal stripes, to be compared by cosine.

    Args:
        images: N pictures (H, W, 3), BGR as OpenCV reads them, H at least 6; sizes may differ.

    Returns:
        (N, 768) float32; square roots of each stripe's shares, the row of unit length.

    Raises:
        ValueError: if a picture is not (H, W, 3) uint8 with at least six rows.
    """
    features: NDArray[np.float32] = np.empty(
        (len(images), STRIPES * int(np.prod(BINS))), np.float32
    )
    for row, image in zip(features, images, strict=True):
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ValueError(
                f"images have to be (H, W, 3) uint8, but got {image.shape} {image.dtype}"
            )
        if len(image) < STRIPES:
            raise ValueError(f"images have to have at least {STRIPES} rows, but got {len(image)}")
        hsv = cv2.cvtColor(image, cv2.COLOR_BGR2HSV)
        shares = []
        for stripe in np.array_split(hsv, STRIPES):
            counts = cv2.calcHist([stripe], [0, 1, 2], None, BINS, [0, 180, 0, 256, 0, 256])
            shares.append(counts.ravel() / counts.sum())
        row[:] = np.sqrt(np.concatenate(shares) / STRIPES)
    return features
