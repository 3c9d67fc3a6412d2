# A model of mmpretrain takes our neck and head: `neck` and `head` differ from its own
# config, and pixels have its statistics.
_base_ = [
    "mmpretrain::_base_/models/resnet50.py",
    "../_base_/datasets/market1501.py",
    "../_base_/schedules/adam_200e.py",
    "../_base_/default_runtime.py",
]

num_classes = 751
data_preprocessor = dict(
    type="mmvareid.BatchAugmentPreprocessor",
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
    to_rgb=True,
)
model = dict(
    neck=dict(_delete_=True, type="mmvareid.EmbeddingNeck", in_channels=2048),
    head=dict(_delete_=True, type="mmvareid.VAHead", in_channels=2048, num_classes=num_classes),
)
