# The small network of our ablations at 128x64: what two CPU cores train. From scratch 600 images
# teach it little; identities need no labels of viewpoints, so start from a network of them:
#   --cfg-options model.backbone.init_cfg.type=Pretrained
#                 model.backbone.init_cfg.prefix=backbone
#                 model.backbone.init_cfg.checkpoint=work_dirs/ly_seresnext-small_.../epoch_8.pth
_base_ = "./resnet50_market1501.py"

model = dict(
    backbone=dict(
        _delete_=True,
        type="mmpretrain.SEResNeXt",
        depth=50,
        stem_channels=16,
        base_channels=16,
        groups=8,
        width_per_group=2,
        strides=(1, 2, 2, 1),
    ),
    head=dict(in_channels=512),
)

train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="Resize", scale=(64, 128)),
    dict(type="RandomFlip", prob=0.5, direction="horizontal"),
    dict(type="RandomCrop", crop_size=(128, 64), padding=6),
    *_base_.jitter,
    {{_base_.erasing}},
    dict(type="PackInputs"),
]
test_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="Resize", scale=(64, 128)),
    dict(type="PackInputs"),
]
train_dataloader = dict(batch_size=30, num_workers=2, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(num_workers=2, dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
optim_wrapper = dict(optimizer=dict(lr=1e-3))
train_cfg = dict(max_epochs=40, val_interval=8)
default_hooks = dict(checkpoint=dict(interval=8))
custom_hooks = [dict(type="mmvareid.ChannelsLastHook")]
