import pytest
import torch
import torch.nn.functional as F
from mmpretrain.structures import DataSample

from mmvareid.models import JointHead, StripeHead

VA = dict(type="mmvareid.VAHead", in_channels=8, num_classes=5)
STRIPE = dict(type="mmvareid.StripeHead", in_channels=3, num_stripes=4, num_classes=5)


def samples(number):
    out = [DataSample().set_gt_label(i % 5) for i in range(number)]
    for i, sample in enumerate(out):
        sample.set_field(i % 3, "viewpoint")
    return out


def test_each_stripe_has_a_plain_softmax_classifier():
    torch.manual_seed(0)
    head = StripeHead(3, 4, 5)
    x = torch.randn(6, 4, 3)
    losses = head.loss((x,), samples(6))
    labels = torch.arange(6) % 5
    expected = [F.cross_entropy(x[:, s] @ head.weight[s].T, labels) for s in range(4)]
    assert list(losses) == ["loss_local"]
    torch.testing.assert_close(losses["loss_local"], torch.stack(expected).mean())


def test_local_descriptor_is_the_unit_features_side_by_side():
    x = torch.randn(2, 4, 3)
    found = StripeHead(3, 4, 5)((x,))
    torch.testing.assert_close(found, F.normalize(x, dim=2).flatten(1) / 2)


def test_joint_losses_are_those_of_the_heads_and_descriptors_stand_side_by_side():
    torch.manual_seed(0)
    head = JointHead([VA, STRIPE])
    whole, local = torch.randn(6, 8), torch.randn(6, 4, 3)
    given = samples(6)
    losses = head.loss((whole, local), given)
    apart = {
        **head.heads[0].loss((whole,), given),
        **head.heads[1].loss((local,), given),
    }
    assert losses == apart and len(losses) == 4
    (first, *_) = head.predict((whole, local), given)
    # one global and four local features, each of length 1
    expected = [F.normalize(whole, dim=1), F.normalize(local, dim=2).flatten(1)]
    torch.testing.assert_close(first.feature, torch.cat(expected, dim=1)[0] / 5**0.5)
    assert head.predict((whole, local))[0].feature.norm() == pytest.approx(1)


def test_heads_of_one_kind_are_told_apart():
    with pytest.raises(ValueError, match=r"have to differ in name, but got \['loss_local'\]"):
        JointHead([STRIPE, STRIPE]).loss((torch.randn(2, 4, 3),) * 2, samples(2))


def test_a_neck_with_other_stripes_is_told():
    with pytest.raises(ValueError, match=r"num_stripes=4, D\), but got \(2, 6, 3\); set num_str"):
        StripeHead(3, 4, 5)((torch.randn(2, 6, 3),))
