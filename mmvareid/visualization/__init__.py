"""Pictures of data, training and results: ``plot_*`` write files, ``draw_*`` return arrays."""

from .angles import plot_angles
from .curves import plot_curves, plot_sweep
from .embedding import choose_people, embed_features, plot_embedding
from .image_grid import draw_image_grid
from .labels import model_labels, path_labels
from .pair_plot import plot_pairs
from .query_choice import choose_queries
from .ranked_list import RankedList, ranked_lists
from .ranked_list_picture import draw_ranked_lists
from .report import ReportedModel, write_report
from .soft_label_picture import plot_soft_labels
from .soft_labels import SoftLabel, choose_contrast, image_soft_labels, predict_soft_labels
from .viewpoint_matrix import draw_viewpoint_matrix, pair_matrices, plot_viewpoint_matrix

__all__ = [
    "RankedList",
    "ReportedModel",
    "SoftLabel",
    "choose_contrast",
    "choose_people",
    "choose_queries",
    "draw_image_grid",
    "draw_ranked_lists",
    "draw_viewpoint_matrix",
    "embed_features",
    "image_soft_labels",
    "model_labels",
    "pair_matrices",
    "path_labels",
    "plot_angles",
    "plot_curves",
    "plot_embedding",
    "plot_pairs",
    "plot_soft_labels",
    "plot_sweep",
    "plot_viewpoint_matrix",
    "predict_soft_labels",
    "ranked_lists",
    "write_report",
]
