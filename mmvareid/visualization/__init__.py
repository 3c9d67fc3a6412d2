"""Pictures of data, training and results."""

from .angles import plot_angles
from .curves import plot_curves, plot_sweep
from .embedding import choose_people, draw_embedding, embed_features
from .image_grid import image_grid
from .query_choice import choose_queries
from .ranked_list import RankedList, ranked_lists
from .ranked_list_picture import draw_ranked_lists
from .soft_label_figure import draw_soft_labels
from .soft_labels import SoftLabel, choose_contrast, image_soft_labels, predict_soft_labels
from .viewpoint_matrix import plot_viewpoint_matrix, viewpoint_matrix_rgb

__all__ = [
    "RankedList",
    "SoftLabel",
    "choose_contrast",
    "choose_people",
    "choose_queries",
    "draw_embedding",
    "draw_ranked_lists",
    "draw_soft_labels",
    "embed_features",
    "image_grid",
    "image_soft_labels",
    "plot_angles",
    "plot_curves",
    "plot_sweep",
    "plot_viewpoint_matrix",
    "predict_soft_labels",
    "ranked_lists",
    "viewpoint_matrix_rgb",
]
