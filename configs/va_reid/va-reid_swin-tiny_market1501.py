# mmpretrain's Swin-T under our neck and head, trained as SOLIDER-REID trains its own
# (configs/market/swin_tiny.yml: 384x128, SGD, lr 8e-4, pixels from -1 to 1). ImageNet weights of
# mmpretrain want ImageNet's pixels, as in va-reid_convnext-tiny_market1501.
_base_ = [
    "mmpretrain::_base_/models/swin_transformer/tiny_224.py",
    "../_base_/datasets/market1501.py",
    "../_base_/schedules/sgd_cosine_120e.py",
    "../_base_/default_runtime.py",
]

num_classes = 751
data_preprocessor = dict(
    type="mmvareid.BatchAugmentPreprocessor", mean=[127.5] * 3, std=[127.5] * 3, to_rgb=True
)
model = dict(
    # The last map of 12 x 4 is narrower than a window of 7.
    backbone=dict(img_size=(384, 128), drop_path_rate=0.1, pad_small_map=True),
    neck=dict(_delete_=True, type="mmvareid.EmbeddingNeck", in_channels=768),
    head=dict(_delete_=True, type="mmvareid.VAHead", in_channels=768, num_classes=num_classes),
    train_cfg=None,  # mixed images have no identity
)

optim_wrapper = dict(optimizer=dict(lr=8e-4))
