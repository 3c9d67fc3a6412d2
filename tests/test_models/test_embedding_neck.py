import pytest
import torch

from mmvareid.models import EmbeddingNeck


@pytest.mark.parametrize("pooling", ["GlobalAveragePooling", "GeneralizedMeanPooling"])
def test_feature_maps_become_descriptors(pooling):
    neck = EmbeddingNeck(6, 4, pooling=dict(type=pooling))
    (out,) = neck((torch.rand(2, 3, 8, 4), torch.rand(2, 6, 4, 2)))
    assert out.shape == (2, 4)


def test_without_an_embedding_it_pools_and_normalises():
    neck = EmbeddingNeck(6)
    neck.train(False)
    x = torch.rand(2, 6, 4, 2)
    torch.testing.assert_close(neck(x)[0], x.mean(dim=(2, 3)), rtol=1e-4, atol=1e-4)


def test_descriptors_of_a_vit_are_not_pooled_again():
    assert EmbeddingNeck(6, 4)((torch.rand(2, 6),))[0].shape == (2, 4)


def test_embedding_of_the_paper_has_the_parameters_of_its_table():
    # Supplementary Table 3: 52.64 M - 46.906 M backbone - 1.538 M classifier = 4.198 M
    count = sum(p.numel() for p in EmbeddingNeck(2048, 2048).parameters())
    assert count == 2048 * 2048 + 2 * 2048
