# mmpretrain's ConvNeXt-T, which pools its map before its last norm, under our neck and head.
# AdamW as in ConvNeXt's own training (Liu et al. 2022, Table 5): 4e-3 for 4096 images, here 64.
_base_ = [
    "mmpretrain::_base_/models/convnext/convnext-tiny.py",
    "../_base_/datasets/market1501.py",
    "../_base_/schedules/sgd_cosine_120e.py",
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
    neck=dict(type="mmvareid.EmbeddingNeck", in_channels=768),
    head=dict(_delete_=True, type="mmvareid.VAHead", in_channels=768, num_classes=num_classes),
    train_cfg=None,  # mixed images have no identity
)

optim_wrapper = dict(
    optimizer=dict(_delete_=True, type="AdamW", lr=4e-3 * 64 / 4096, weight_decay=0.05)
)
