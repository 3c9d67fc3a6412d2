"""Pictures of data, training and results."""

from .curves import plot_curves, plot_sweep
from .image_grid import image_grid

__all__ = ["image_grid", "plot_curves", "plot_sweep"]
