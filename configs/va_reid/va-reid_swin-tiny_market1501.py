# Swin Transformer (Liu et al. 2021), whose windows take any size. The last map, 12 x 4, is narrower
# than a window of 7, and is padded.
_base_ = [
    "mmpretrain::_base_/models/swin_transformer/tiny_224.py",
    "../_base_/datasets/market1501.py",
    "../_base_/schedules/adamw_120e.py",
    "../_base_/default_runtime.py",
]

num_classes = 751
data_preprocessor = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True)
model = dict(
    backbone=dict(pad_small_map=True),
    neck=dict(_delete_=True, type="mmvareid.EmbeddingNeck", in_channels=768),
    head=dict(_delete_=True, type="mmvareid.VAHead", in_channels=768, num_classes=num_classes),
    train_cfg=None,  # Mixup and CutMix would mix people
)
