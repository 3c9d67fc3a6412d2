"""Draws ranked lists: the query, then what each model puts first, as Fig. 5 of VA-reID."""

from collections.abc import Mapping, Sequence
from textwrap import wrap

import cv2
import numpy as np
from matplotlib.figure import Figure

from mmvareid.evaluation.protocols import view_names

from .figure_rgb import figure_rgb
from .ranked_list import Kind, RankedList

COLORS = {Kind.MATCH: (26, 150, 65), Kind.OTHER: (215, 25, 28), Kind.IGNORED: (150, 150, 150)}
QUERY_COLOR = (0, 0, 0)
MARKS = {Kind.MATCH: "✓", Kind.OTHER: "✗", Kind.IGNORED: "–"}  # so that no colour is needed
LEGEND = (
    "✓ green: same person   ✗ red: other person   – grey: ignored, the query's person in its camera"
)

DPI = 100
FRAME, GAP, GROUP_GAP, MARGIN = 4, 6, 28, 10  # pixels
LINE, TITLE_LINE = 16, 20  # pixels a line of text takes


def draw_ranked_lists(
    models: Mapping[str, Sequence[RankedList]],
    infos: Sequence[dict],
    views: Sequence[str] | None = None,
    height: int = 192,
) -> np.ndarray:
    """Draw queries as rows: the query at the left, then the list of each model.

    A match has a green frame and a tick, another person a red frame and a cross, an ignored image
    a grey frame and a dash. Below each stand camera and viewpoint, then rank and similarity.

    Args:
        models (Mapping): Title -> lists of :func:`ranked_lists`, one a query; all models' lists
            are for the same queries in the same order.
        infos (Sequence[dict]): What the lists' indices mean, with ``img_path``, ``person_id``,
            ``camera_id`` and ``viewpoint``.
        views (Sequence[str], optional): Names of viewpoints 0, 1, ...; by default front, side and
            back, or view0, view1, ... if there are more. '?' stands where a viewpoint is unknown.
        height (int): Of an image, in pixels; it is fitted into a box half as wide.

    Returns:
        np.ndarray: (H, W, 3) uint8, RGB.

    Raises:
        ValueError: There is no list, the models' queries differ, ``height`` is below 160, or an
            image cannot be read.
    """
    queries = [[found.query for found in lists] for lists in models.values()]
    if not queries or not queries[0] or any(other != queries[0] for other in queries):
        raise ValueError(
            "models has to hold lists of the same queries, at least one, but got the queries "
            f"{queries}"
        )
    if height < 160:
        raise ValueError(f"height has to be at least 160 for the captions, but got {height}")
    if views is None:
        views = view_names(max(info.get("viewpoint", -1) for info in infos) + 1)
    box = (height, height // 2)
    step = box[1] + 2 * FRAME + GAP
    sizes = [1] + [max(1, *(len(found.gallery) for found in lists)) for lists in models.values()]
    lefts = MARGIN + np.cumsum([0] + [size * step - GAP + GROUP_GAP for size in sizes])
    width = int(lefts[-1]) - GROUP_GAP + MARGIN
    titles = [
        wrap(title, max(1, (size * step - GAP) // 10))
        for title, size in zip(["Query", *models], sizes, strict=True)
    ]
    top = MARGIN + TITLE_LINE * max(map(len, titles))
    row_height = box[0] + 2 * FRAME + 2 * LINE + 14
    legend = wrap(LEGEND, (width - 2 * MARGIN) // 8)
    total = top + row_height * len(queries[0]) + LINE * len(legend) + MARGIN

    canvas = np.full((total, width, 3), 255, np.uint8)
    texts = _Texts(width, total)
    for lines, left in zip(titles, lefts, strict=False):
        for i, line in enumerate(lines):
            texts.add(left, MARGIN + i * TITLE_LINE, line, fontsize=11, weight="bold")
    for left in lefts[1:-1]:
        bottom = top + row_height * len(queries[0]) - 10
        canvas[MARGIN:bottom, left - GROUP_GAP // 2] = 200
    for row, query in enumerate(queries[0]):
        y = top + row * row_height
        info = infos[query]
        _paste(canvas, info["img_path"], lefts[0], y, box, QUERY_COLOR)
        below = y + box[0] + 2 * FRAME + 2
        texts.add(lefts[0], below, _where(info, views))
        texts.add(lefts[0], below + LINE, f"person {info['person_id']}")
        for left, lists in zip(lefts[1:], models.values(), strict=False):
            rank = 0
            for column, index in enumerate(lists[row].gallery):
                kind, x = Kind(lists[row].kinds[column]), left + column * step
                _paste(canvas, infos[index]["img_path"], x, y, box, COLORS[kind])
                rank += kind != Kind.IGNORED
                number = "" if kind == Kind.IGNORED else f"#{rank}  "
                color = tuple(channel / 255 for channel in COLORS[kind])
                texts.add(x, below, MARKS[kind], color=color, weight="bold")
                texts.add(x + 14, below, _where(infos[index], views))
                similarity = f"{number}{lists[row].similarity[column]:.3f}"
                texts.add(x + 14, below + LINE, similarity, color="0.35")
    for i, line in enumerate(legend):
        texts.add(MARGIN, total - MARGIN - (len(legend) - i) * LINE, line, color="0.35")
    texts.figure.figimage(canvas, origin="upper")
    return figure_rgb(texts.figure)


class _Texts:
    """A figure of W x H pixels; texts are placed by the pixel of their upper left corner."""

    def __init__(self, width: int, height: int) -> None:
        # A hundredth of a pixel more: the size is cut to whole pixels.
        size = ((width + 0.01) / DPI, (height + 0.01) / DPI)
        self.figure = Figure(figsize=size, dpi=DPI)
        self.width, self.height = width, height

    def add(self, x: int, y: int, text: str, **style: object) -> None:
        style = {"fontsize": 9, "family": "DejaVu Sans", "va": "top", **style}
        self.figure.text(x / self.width, 1 - y / self.height, text, **style)  # type: ignore[arg-type]


def _where(info: dict, views: Sequence[str]) -> str:
    viewpoint = info.get("viewpoint", -1)
    return f"c{info['camera_id']} {views[viewpoint] if viewpoint >= 0 else '?'}"


def _paste(
    canvas: np.ndarray, path: str, left: int, top: int, box: tuple[int, int], color: tuple
) -> None:
    """Draw the image of a file, fitted into a box (height, width), with a frame around it."""
    image = cv2.imread(path)
    if image is None:
        raise ValueError(
            f"img_path has to be an image that can be read, but got '{path}'; copy it again, or "
            "draw on the machine that has it"
        )
    height, width = box
    canvas[top : top + height + 2 * FRAME, left : left + width + 2 * FRAME] = color
    inner = canvas[top + FRAME : top + FRAME + height, left + FRAME : left + FRAME + width]
    inner[:] = 255
    scale = min(height / image.shape[0], width / image.shape[1])
    h, w = (max(1, round(scale * side)) for side in image.shape[:2])
    image = cv2.resize(
        image, (w, h), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    )
    y, x = (height - h) // 2, (width - w) // 2
    inner[y : y + h, x : x + w] = image[..., ::-1]
