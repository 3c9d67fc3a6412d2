import itertools
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.config import Config
from torch import nn

from mmvareid.engine import CenterAngleHook
from mmvareid.engine.hooks.center_angle_hook import center_angles, identity_pairs, views_with_images
from mmvareid.models import ReIDHead, VAHead
from mmvareid.models.heads import JointHead
from mmvareid.registry import HOOKS


def runner_of(model, infos):
    """A runner that keeps what is logged."""
    written, lines = [], []
    dataset = type(
        "Infos", (), {"__len__": lambda _: len(infos), "get_data_info": lambda _, i: infos[i]}
    )()
    return SimpleNamespace(
        model=model,
        epoch=4,
        iter=35,
        train_dataloader=SimpleNamespace(dataset=dataset),
        logger=SimpleNamespace(info=lines.append),
        visualizer=SimpleNamespace(add_scalars=lambda row, step: written.append((row, step))),
        written=written,
        lines=lines,
    )


def run_hook(runner):
    hook = CenterAngleHook()
    hook.before_train(runner)
    hook.after_train_epoch(runner)
    return runner.written


def va_head():
    """W on axes 0 and 1; the views of identity 0 at 0°, 90°, 60° of it, of identity 1 at 180°."""
    head = VAHead(in_channels=3, num_classes=2)
    with torch.no_grad():
        head.weight[:] = torch.tensor([[5.0, 0, 0], [0, 0.1, 0]])
        head.view_weight[0] = torch.tensor([[2.0, 0, 0], [0, 0, 3], [1, math.sqrt(3), 0]])
        head.view_weight[1] = torch.tensor([[0.0, -1, 0]])
    return head


def test_angles_of_hand_made_centres():
    head = va_head()
    angles = center_angles(head.weight.detach(), head.view_weight.detach())
    expected = {
        "identity_view": [0, 90, 60, 180, 180, 180],
        "view_view": [90, 60, 90, 0, 0, 0],
        "identity_identity": [90],
    }
    for name, values in expected.items():
        torch.testing.assert_close(
            angles[name], torch.tensor(values, dtype=torch.float64), atol=1e-4, rtol=0
        )


def test_centres_without_images_do_not_count():
    head = va_head()
    trained = torch.tensor([[True, False, True], [False, False, True]])
    angles = center_angles(head.weight.detach(), head.view_weight.detach(), trained)
    assert angles["identity_view"].tolist() == pytest.approx([0, 60, 180], abs=1e-4)
    assert angles["view_view"].tolist() == pytest.approx([60], abs=1e-4)


def test_of_many_identities_a_sample_is_measured():
    w, u = torch.randn(50, 4), torch.randn(50, 3, 4)
    angles = center_angles(w, u, max_pairs=10)
    assert [len(values) for values in angles.values()] == [30, 30, 10]
    everything = center_angles(w, u, max_pairs=10_000)
    for name, values in angles.items():
        assert (values[:, None] - everything[name]).abs().amin(1).max() < 1e-6


def test_pairs_of_identities_are_all_or_a_sample_of_different_ones():
    assert identity_pairs(4, 6).T.tolist() == [*map(list, itertools.combinations(range(4), 2))]
    many = identity_pairs(50, 100)
    assert many.shape == (2, 100)
    assert (many[0] != many[1]).all()
    assert many.min() >= 0
    assert many.max() < 50
    assert torch.equal(many, identity_pairs(50, 100))


def test_views_with_images_leaves_out_the_unknown():
    infos = [dict(gt_label=0, viewpoint=2), dict(gt_label=1, viewpoint=-1), dict(gt_label=1)]
    assert views_with_images(infos, 2, 3).tolist() == [[False, False, True], [False] * 3]


def test_soft_viewpoints_count_by_their_weights_not_by_the_coarse_label():
    soft = dict(gt_label=0, viewpoint=2, viewpoint_weights=np.array([0, 0.3, 0, 0.7], np.float32))
    unknown = dict(gt_label=1, viewpoint=1, viewpoint_weights=np.zeros(4, np.float32))
    trained = [[False, True, False, True], [False] * 4]
    assert views_with_images([soft, unknown], 2, 4).tolist() == trained
    # View 1 of 4 around the person is 90 degrees, whose mirror image is view 3.
    left = dict(gt_label=0, viewpoint_weights=np.array([0, 1, 0, 0], np.float32))
    assert views_with_images([left], 1, 4, mirrored=True).tolist() == [[False, True, False, True]]


def test_scalars_are_written_with_epoch_and_step():
    infos = [dict(gt_label=0, viewpoint=0), dict(gt_label=0, viewpoint=1)]
    runner = runner_of(nn.Sequential(va_head()), infos)  # as within a wrapper
    ((row, step),) = run_hook(runner)
    assert step == 35
    assert row == pytest.approx(
        {
            "angle/identity_view": 45.0,
            "angle/identity_view_std": 45.0,
            "angle/view_view": 90.0,
            "angle/view_view_std": 0.0,
            "angle/identity_identity": 90.0,
            "angle/identity_identity_std": 0.0,
            "epoch": 5,
        },
        abs=1e-4,
    )
    assert "2 of 6 viewpoint centres have training images" in runner.lines[0]
    assert "after epoch 5, in degrees: identity_view 45.0 ± 45.0" in runner.lines[1]


def test_without_known_viewpoints_identities_alone_are_measured():
    ((row, _),) = run_hook(runner_of(va_head(), [dict(gt_label=0, viewpoint=-1)]))
    assert set(row) == {"angle/identity_identity", "angle/identity_identity_std", "epoch"}


def test_a_head_within_a_joint_one_is_found():
    local = dict(type="mmvareid.ReIDHead", in_channels=3, num_classes=2)
    view = dict(type="mmvareid.VAHead", in_channels=3, num_classes=2)
    joint = JointHead(heads=[local, view])
    infos = [dict(gt_label=0, viewpoint=view) for view in range(3)]
    assert "angle/view_view" in run_hook(runner_of(joint, infos))[0][0]


def test_models_without_viewpoint_centres_log_nothing():
    no_views = VAHead(in_channels=3, num_classes=2, loss_view=None, loss_center=None)
    for model in (no_views, ReIDHead(3, 2), nn.Linear(2, 2)):
        runner = runner_of(model, [])
        assert run_hook(runner) == []
        assert runner.lines == []


def test_measuring_leaves_the_random_state_alone():
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    identity_pairs(1000, 10)
    assert torch.equal(torch.rand(1), expected)


def test_max_pairs_has_to_be_positive():
    with pytest.raises(ValueError, match="max_pairs has to be at least 1, but got 0"):
        HOOKS.build(dict(type="mmvareid.CenterAngleHook", max_pairs=0))


@pytest.mark.parametrize("runtime", ["default_runtime", "cpu_runtime"])
def test_both_runtimes_have_the_hook(runtime, pytestconfig):
    cfg = Config.fromfile(pytestconfig.rootpath / f"configs/_base_/{runtime}.py")
    assert "mmvareid.CenterAngleHook" in [hook.type for hook in cfg.custom_hooks]
