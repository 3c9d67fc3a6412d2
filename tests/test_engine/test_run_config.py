import pytest
from mmengine.config import Config
from small_run import SYNTHETIC

from mmvareid.config import load_config
from mmvareid.engine.run_config import check_run

FSDP = dict(type="FSDPStrategy")


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"val_dataloader.persistent_workers": True, "val_dataloader.num_workers": 0},
         r"val_dataloader\.persistent_workers .* num_workers=0, but got True; set it to False"),
        ({"train_dataloader.prefetch_factor": 4, "train_dataloader.num_workers": 0,
          "train_dataloader.persistent_workers": False},
         r"train_dataloader\.prefetch_factor .* but got 4; set it to None"),
        ({"model.train_cfg": dict(augments=[dict(type="Mixup", alpha=0.8)])}, "augments, or"),
        ({"data_preprocessor": dict(batch_augments=dict(augments=[dict(type="CutMix", alpha=1)]))},
         "images of one person each"),
        ({"runner_type": "EpochBasedRunner"}, "runner_type has to be .* got 'EpochBasedRunner'"),
        ({"strategy": FSDP}, "strategy has to come with runner_type='FlexibleRunner'"),
        ({"runner_type": "FlexibleRunner", "strategy": dict(type="DeepSpeedStrategy")},
         "strategy.type has to be one of .*FSDPStrategy, but got 'DeepSpeedStrategy'"),
        ({"runner_type": "FlexibleRunner", "strategy": dict(type="ColossalAIStrategy")},
         "but got 'ColossalAIStrategy'"),
        ({"runner_type": "FlexibleRunner", "strategy": FSDP, "sync_bn": "torch"},
         "sync_bn has to be left out with runner_type='FlexibleRunner'"),
    ],
)  # fmt: skip
def test_what_a_run_is_refused_for(keys, message):
    cfg = load_config(str(SYNTHETIC))
    check_run(cfg)
    cfg.merge_from_dict(keys)
    with pytest.raises(ValueError, match=message):
        check_run(cfg)


def test_what_is_right_passes():
    check_run(Config(dict(runner_type="FlexibleRunner", strategy=FSDP)))
    check_run(Config(dict(runner_type="FlexibleRunner")))
    mixing = dict(train_cfg=dict(augments=[dict(type="Mixup")]), head=dict(type="LinearClsHead"))
    check_run(Config(dict(model=mixing)))
