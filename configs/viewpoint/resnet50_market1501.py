# A classifier of viewpoints, ResNet-50 on 600 labelled images (§4.5 of VA-reID). Where you have
# ImageNet weights, start from them:
# model.backbone.init_cfg=dict(type="Pretrained", checkpoint=FILE, prefix="backbone")
_base_ = ["mmpretrain::_base_/models/resnet50.py", "../_base_/default_runtime.py"]

data_root = "data/market1501"
viewpoint_file = "auto"
people = dict(
    type="mmvareid.Market1501",
    data_root=data_root,
    split="train",
    viewpoint_file=viewpoint_file,
    noise="unknown",
)

model = dict(
    data_preprocessor=dict(
        type="mmvareid.BatchAugmentPreprocessor",
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        to_rgb=True,
    ),
    head=dict(num_classes=3, topk=(1,)),
)

# Front, side and back stay what they are when an image is flipped.
erasing = dict(
    type="RandomErasing", erase_prob=0.5, min_area_ratio=0.02, max_area_ratio=0.3, mode="rand"
)
# Upstream's mmcv cannot shift hues with numpy 2.
jitter = [
    dict(type="NumpyToPIL", to_rgb=True),
    dict(type="torchvision/ColorJitter", brightness=0.3, contrast=0.3, saturation=0.3, hue=0.1),
    dict(type="PILToNumpy", to_bgr=True),
]
train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="Resize", scale=(128, 256)),
    dict(type="RandomFlip", prob=0.5, direction="horizontal"),
    dict(type="RandomCrop", crop_size=(256, 128), padding=10),
    *jitter,
    erasing,
    dict(type="PackInputs"),
]
test_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="Resize", scale=(128, 256)),
    dict(type="PackInputs"),
]
train_dataloader = dict(
    batch_size=60,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=True),
    dataset=dict(type="mmvareid.ViewpointImages", dataset=people, pipeline=train_pipeline),
)
val_dataloader = dict(
    batch_size=128,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(
        type="mmvareid.ViewpointImages",
        dataset=people,
        part="others",
        pipeline=test_pipeline,
        test_mode=True,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type="Accuracy", topk=(1,))
test_evaluator = val_evaluator

optim_wrapper = dict(optimizer=dict(type="AdamW", lr=3.5e-4, weight_decay=0.05))
param_scheduler = [
    dict(type="LinearLR", start_factor=0.1, begin=0, end=5, convert_to_iter_based=True),
    dict(type="CosineAnnealingLR", begin=5, convert_to_iter_based=True),
]
train_cfg = dict(by_epoch=True, max_epochs=60, val_interval=10)
val_cfg = dict()
test_cfg = dict()

default_hooks = dict(checkpoint=dict(save_best="accuracy/top1"))
custom_hooks = []
