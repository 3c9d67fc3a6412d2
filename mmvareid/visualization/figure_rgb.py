"""A matplotlib figure as an array, and what it can be written as."""

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

FIGURE_ENDINGS = [f".{kind}" for kind in FigureCanvasAgg.get_supported_filetypes()]


def figure_rgb(figure: Figure) -> np.ndarray:
    """Return the pixels of a figure, (H, W, 3) uint8, RGB."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.array(canvas.buffer_rgba())[..., :3].copy()
