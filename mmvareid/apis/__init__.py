from .features import FeatureSet, extract_features, load_model

__all__ = ["FeatureSet", "extract_features", "load_model"]
