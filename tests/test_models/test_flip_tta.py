import torch
import torch.nn.functional as F
from mmpretrain.structures import DataSample

from mmvareid.models import FlipTTAModel


def test_features_of_versions_are_averaged_to_unit_length():
    class Model(torch.nn.Module):
        def test_step(self, data):
            out = []
            for x in data["inputs"]:
                sample = DataSample()
                sample.set_field(F.normalize(x, dim=0), "feature")
                out.append(sample)
            return out

    plain, flipped = torch.randn(3, 4), torch.randn(3, 4)
    found = FlipTTAModel(Model()).test_step({"inputs": [list(plain), list(flipped)]})
    expected = F.normalize(F.normalize(plain, dim=1) + F.normalize(flipped, dim=1), dim=1)
    torch.testing.assert_close(torch.stack([sample.feature for sample in found]), expected)
