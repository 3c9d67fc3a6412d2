"""Test-time averaging of an image and its mirror image."""

import torch
import torch.nn.functional as F
from mmengine.model import BaseTTAModel
from mmpretrain.structures import DataSample

from mmvareid.registry import MODELS


@MODELS.register_module()
class FlipTTAModel(BaseTTAModel):
    """Average the unit descriptors of several versions of an image; ``tools/test.py --flip``.

    Its argument ``module`` is the model or its config, whose ``predict`` sets ``feature``.
    """

    def merge_preds(self, data_samples_list: list[tuple[DataSample, ...]]) -> list[DataSample]:
        """Return the first version of each image with the mean of the features, of unit length."""
        merged = []
        for versions in data_samples_list:
            features = torch.stack([sample.feature for sample in versions])  # (T, D)
            versions[0].set_field(F.normalize(features.mean(dim=0), dim=0), "feature")
            merged.append(versions[0])
        return merged
