import pytest
import torch

from mmvareid.models import JointNeck, StripePyramid


def test_windows_of_all_levels():
    neck = StripePyramid(4, 2, num_parts=3)
    assert neck.windows == [(0, 1), (1, 2), (2, 3), (0, 2), (1, 3), (0, 3)]
    assert neck.num_stripes == 6
    assert StripePyramid(4, 2, num_parts=6).num_stripes == 21


def test_pcb_is_level_one():
    assert StripePyramid(4, 2, num_parts=6, levels=(1,)).windows == [(i, i + 1) for i in range(6)]


@pytest.mark.parametrize("levels", [None, (1,), (2, 3)])
def test_each_window_has_its_own_pool_convolution_and_norm(levels):
    torch.manual_seed(0)
    neck = StripePyramid(4, 2, num_parts=3, levels=levels)
    conv, bn, _ = neck.reduction
    torch.nn.init.normal_(bn.weight)
    torch.nn.init.normal_(bn.bias)
    x = torch.randn(5, 4, 6, 2)
    (out,) = neck((torch.randn(5, 2, 12, 4), x))  # in training: BN by the batch
    assert out.shape == (5, neck.num_stripes, 2)
    for s, (top, bottom) in enumerate(neck.windows):
        pooled = x[:, :, 2 * top : 2 * bottom].mean(dim=(2, 3))
        part = slice(2 * s, 2 * s + 2)
        reduced = pooled @ conv.weight[part, :, 0].T
        normed = (reduced - reduced.mean(0)) / (reduced.var(0, unbiased=False) + bn.eps).sqrt()
        expected = (normed * bn.weight[part] + bn.bias[part]).relu()
        torch.testing.assert_close(out[:, s], expected, atol=1e-5, rtol=1e-4)


def test_joint_neck_gives_the_map_to_each():
    necks = [dict(type="mmvareid.EmbeddingNeck", in_channels=4)]
    necks.append(dict(type="mmvareid.StripePyramid", in_channels=4, out_channels=2, num_parts=2))
    whole, local = JointNeck(necks)((torch.randn(3, 4, 4, 2),))
    assert whole.shape == (3, 4)
    assert local.shape == (3, 3, 2)


@pytest.mark.parametrize("levels", [(), (0,), (1, 4)])
def test_levels_out_of_range_are_refused(levels):
    with pytest.raises(
        ValueError, match=r"levels has to hold window heights from 1 to num_parts=3"
    ):
        StripePyramid(4, num_parts=3, levels=levels)


@pytest.mark.parametrize("shape", [(2, 4, 7, 2), (2, 4)])
def test_maps_that_cannot_be_cut_are_refused(shape):
    with pytest.raises(ValueError, match=r"H a multiple of num_parts=3, but got .*; set num_parts"):
        StripePyramid(4, num_parts=3)(torch.zeros(shape))
