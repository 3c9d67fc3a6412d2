# Hard identity labels, small and from scratch, on a Market-1501-like folder: what two CPU cores
# train.
_base_ = [
    "../_base_/models/seresnext-small.py",
    "../_base_/datasets/market1501_128x64.py",
    "../_base_/schedules/adam_200e.py",
    "../_base_/cpu_runtime.py",
]

# Few people and 28 epochs are enough to fit too well without colour jitter and erasing.
train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="Resize", scale=(64, 128)),
    dict(type="RandomFlip", prob=0.5, direction="horizontal"),
    dict(type="RandomCrop", crop_size=(128, 64), padding=6),
    dict(type="ColorJitter", brightness=0.2, contrast=0.2, saturation=0.2),
    {{_base_.erasing}},
    {{_base_.pack}},
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))

optim_wrapper = dict(optimizer=dict(lr=3e-3))
train_cfg = dict(max_epochs=28, val_interval=4)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.1, begin=0, end=2, convert_to_iter_based=True),
    dict(type="MultiStepLR", milestones=[19, 25], gamma=0.1, begin=0),
]
