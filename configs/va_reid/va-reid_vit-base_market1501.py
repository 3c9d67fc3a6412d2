# ViT-B/16 (Dosovitskiy et al. 2021), whose class token is the descriptor, as in TransReID. Weights
# of another size are loaded with their position embedding resized.
_base_ = [
    "mmpretrain::_base_/models/vit-base-p16.py",
    "../_base_/datasets/market1501.py",
    "../_base_/schedules/adamw_120e.py",
    "../_base_/default_runtime.py",
]

num_classes = 751
data_preprocessor = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True)
model = dict(
    backbone=dict(img_size=(384, 128), drop_rate=0.0, drop_path_rate=0.1),
    neck=dict(_delete_=True, type="mmvareid.EmbeddingNeck", in_channels=768),
    head=dict(_delete_=True, type="mmvareid.VAHead", in_channels=768, num_classes=num_classes),
)
