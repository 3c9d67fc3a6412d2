"""Images side by side, with captions."""

from collections.abc import Sequence

import cv2
import numpy as np

LINE = 14  # pixels a line of caption takes


def draw_image_grid(
    images: Sequence[np.ndarray], captions: Sequence[str], columns: int = 8, height: int = 256
) -> np.ndarray:
    """Return one picture of images in rows, each with its caption below.

    Args:
        images (Sequence[np.ndarray]): N images, (H, W, 3) uint8, BGR, of one size.
        captions (Sequence[str]): N captions; ``\\n`` starts a new line.
        columns (int): Images in a row. Defaults to 8.
        height (int): Height to which images are scaled, in pixels. Defaults to 256.

    Returns:
        np.ndarray: (rows * cell height, columns * cell width, 3) uint8, BGR.

    Raises:
        ValueError: There is no image, or not one caption for each.
    """
    if not images or len(images) != len(captions):
        raise ValueError(
            f"draw_image_grid has to have a caption for each image, but got {len(images)} images "
            f"and {len(captions)} captions"
        )
    width = round(height * images[0].shape[1] / images[0].shape[0])
    lines = max(caption.count("\n") for caption in captions) + 1
    cell_height, cell_width = height + lines * LINE + 6, width + 8
    rows = -(-len(images) // columns)
    grid = np.full((rows * cell_height, columns * cell_width, 3), 255, np.uint8)
    for i, (image, caption) in enumerate(zip(images, captions, strict=True)):
        top, left = i // columns * cell_height, i % columns * cell_width
        grid[top : top + height, left + 4 : left + 4 + width] = cv2.resize(image, (width, height))
        for j, line in enumerate(caption.split("\n"), 1):
            at = (left + 4, top + height + j * LINE - 2)
            cv2.putText(grid, line, at, cv2.FONT_HERSHEY_SIMPLEX, 0.36, 0, 1, cv2.LINE_AA)
    return grid
