# mmpretrain's ViT-B/16 under our neck and head, trained as the baseline of TransReID-SSL
# (market/vit_base_baseline.yml: 256x128, SGD, lr 8e-3, pixels from -1 to 1, drop path 0.1; its
# lr for a ViT-S learnt from people is 4e-4). The descriptor is the class token's.
_base_ = [
    "mmpretrain::_base_/models/vit-base-p16.py",
    "../_base_/datasets/market1501_256x128.py",
    "../_base_/schedules/sgd_cosine_120e.py",
    "../_base_/default_runtime.py",
]

num_classes = 751
data_preprocessor = dict(
    type="mmvareid.BatchAugmentPreprocessor", mean=[127.5] * 3, std=[127.5] * 3, to_rgb=True
)
model = dict(
    # Anew: the base's list of initializers would stand in the way of init_cfg.type=Pretrained.
    backbone=dict(
        _delete_=True,
        type="VisionTransformer",
        arch="base",
        patch_size=16,
        img_size=(256, 128),
        drop_path_rate=0.1,
    ),
    neck=dict(_delete_=True, type="mmvareid.EmbeddingNeck", in_channels=768),
    head=dict(_delete_=True, type="mmvareid.VAHead", in_channels=768, num_classes=num_classes),
)
