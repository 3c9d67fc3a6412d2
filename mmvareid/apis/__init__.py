from .features import (
    FeatureSet,
    dataset_infos,
    extract_features,
    inference_dataloader,
    load_model,
    select_images,
)

__all__ = [
    "FeatureSet",
    "dataset_infos",
    "extract_features",
    "inference_dataloader",
    "load_model",
    "select_images",
]
