"""A trained model in use: pictures or a dataset to descriptors, and people found by them."""

from mmvareid.datasets.infos import dataset_infos
from mmvareid.fileio.image_paths import list_images
from mmvareid.search.gallery import Gallery, Hit

from .features import (
    FeatureSet,
    extract_features,
    inference_dataloader,
    load_model,
    select_images,
)
from .inferencer import ReIDInferencer

__all__ = [
    "FeatureSet",
    "Gallery",
    "Hit",
    "ReIDInferencer",
    "dataset_infos",
    "extract_features",
    "inference_dataloader",
    "list_images",
    "load_model",
    "select_images",
]
