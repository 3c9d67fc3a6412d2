"""Draws ranked lists: the query, then what each model puts first, as Fig. 5 of VA-reID."""

from collections.abc import Mapping, Sequence
from textwrap import wrap

import cv2
import numpy as np
from matplotlib.figure import Figure

from mmvareid.evaluation import view_names

from .figure_rgb import figure_rgb
from .labels import plain
from .ranked_list import Kind, RankedList

COLORS = {Kind.MATCH: (26, 150, 65), Kind.OTHER: (215, 25, 28), Kind.IGNORED: (150, 150, 150)}
QUERY_COLOR = (0, 0, 0)
# With these no colour is needed.
MARKS = {Kind.MATCH: "✓", Kind.OTHER: "✗", Kind.IGNORED: "—"}
LEGEND = "✓ green: same person   ✗ red: other person   — grey: ignored, same person and camera"

DPI = 100
HEIGHT, WIDTH = 192, 96  # pixels; an image is fitted into this box
FRAME, GAP, GROUP_GAP, MARGIN = 4, 6, 28, 10  # pixels
LINE, TITLE_LINE, INDENT = 16, 20, 16  # pixels
CAPTION = 2 * LINE + 16  # pixels below an image


def draw_ranked_lists(
    models: Mapping[str, Sequence[RankedList]], infos: Sequence[dict]
) -> np.ndarray:
    """Draw queries as rows: the query at the left, then the list of each model.

    A match has a green frame and a tick, another person a red frame and a cross, an ignored image
    a grey frame and a dash. Below each stand camera and viewpoint, then rank and similarity;
    '?' stands where a viewpoint is unknown.

    Args:
        models (Mapping): Title -> lists of :func:`ranked_lists`, one a query; all models' lists
            are for the same queries in the same order.
        infos (Sequence[dict]): What the lists' indices mean, with ``img_path``, ``person_id``,
            ``camera_id`` and ``viewpoint``.

    Returns:
        np.ndarray: (H, W, 3) uint8, RGB.

    Raises:
        ValueError: There is no list, the models' queries differ, or an image cannot be read.
    """
    queries = [[found.query for found in lists] for lists in models.values()]
    if not queries or not queries[0] or any(other != queries[0] for other in queries):
        raise ValueError(
            "models has to hold lists of the same queries, at least one, but got the queries "
            f"{queries}"
        )
    names = [*view_names(max(info["viewpoint"] for info in infos) + 1), "?"]  # the last is -1

    step = WIDTH + 2 * FRAME + GAP
    sizes = [1] + [max(1, *(len(found.gallery) for found in lists)) for lists in models.values()]
    widths = [size * step - GAP for size in sizes]
    lefts = [MARGIN + sum(widths[:i]) + i * GROUP_GAP for i in range(len(sizes))]
    titles = [
        wrap(title, width // 10) for title, width in zip(["Query", *models], widths, strict=True)
    ]
    legend = wrap(LEGEND, sum(widths, GROUP_GAP * len(models)) // 8)
    top = MARGIN + TITLE_LINE * max(map(len, titles))
    bottom = top + (HEIGHT + 2 * FRAME + CAPTION) * len(queries[0])
    page = _Page(lefts[-1] + widths[-1] + MARGIN, bottom + LINE * len(legend) + MARGIN)

    for left, lines in zip(lefts, titles, strict=True):
        page.write(left, MARGIN, lines, TITLE_LINE, fontsize=11, weight="bold")
    page.write(MARGIN, bottom, legend, color="0.35")
    for left in lefts[1:]:
        page.pixels[MARGIN : bottom - CAPTION + 2 * LINE + 4, left - GROUP_GAP // 2] = 200
    for row, query in enumerate(queries[0]):
        y = top + row * (HEIGHT + 2 * FRAME + CAPTION)
        below = page.paste(lefts[0], y, infos[query]["img_path"], QUERY_COLOR)
        text = [_where(infos[query], names), f"person {infos[query]['person_id']}"]
        page.write(lefts[0], below, text)
        for left, lists in zip(lefts[1:], models.values(), strict=True):
            rank = 0
            found = lists[row]
            for i, (index, kind) in enumerate(zip(found.gallery, found.kinds, strict=True)):
                x = left + i * step
                page.paste(x, y, infos[index]["img_path"], COLORS[kind])
                rank += kind != Kind.IGNORED
                number = "" if kind == Kind.IGNORED else f"#{rank}  "
                dark = tuple(0.8 * channel / 255 for channel in COLORS[kind])
                page.write(x, below, [MARKS[kind]], color=dark, weight="bold")
                text = [_where(infos[index], names), f"{number}{found.similarity[i]:.3f}"]
                page.write(x + INDENT, below, text)
    return page.rgb()


def _where(info: dict, names: Sequence[str]) -> str:
    return f"c{info['camera_id']} {names[info['viewpoint']]}"


class _Page:
    """White pixels, (height, width, 3) RGB, and texts to lie over them."""

    def __init__(self, width: int, height: int) -> None:
        self.pixels = np.full((height, width, 3), 255, np.uint8)
        # A hundredth of a pixel more: matplotlib cuts the size to whole pixels.
        self._figure = Figure(figsize=((width + 0.01) / DPI, (height + 0.01) / DPI), dpi=DPI)

    def write(
        self, left: int, top: int, lines: Sequence[str], spacing: int = LINE, **style: object
    ) -> None:
        """Write lines of text below ``top``."""
        options: dict = {"fontsize": 9, "family": "DejaVu Sans", **style}
        height, width = self.pixels.shape[:2]
        for i, line in enumerate(lines):
            y = top + i * spacing + 13  # its baseline
            self._figure.text(left / width, 1 - y / height, plain(line), **options)

    def paste(self, left: int, top: int, path: str, color: tuple[int, ...]) -> int:
        """Draw the image of a file, fitted into the box, in a frame; returns where that ends."""
        image = cv2.imread(path)
        if image is None:
            raise ValueError(
                f"img_path has to be an image that can be read, but got '{path}'; copy it again"
            )
        bottom, right = top + HEIGHT + 2 * FRAME, left + WIDTH + 2 * FRAME
        self.pixels[top:bottom, left:right] = color
        inner = self.pixels[top + FRAME : bottom - FRAME, left + FRAME : right - FRAME]
        inner[:] = 255
        scale = min(HEIGHT / image.shape[0], WIDTH / image.shape[1])
        h, w = (max(1, round(scale * side)) for side in image.shape[:2])
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        y, x = (HEIGHT - h) // 2, (WIDTH - w) // 2
        inner[y : y + h, x : x + w] = cv2.resize(image, (w, h), interpolation=way)[..., ::-1]
        return bottom + 2

    def rgb(self) -> np.ndarray:
        """Return the picture, (height, width, 3) uint8."""
        self._figure.figimage(self.pixels, origin="upper")
        return figure_rgb(self._figure)
