# Market-1501 at 256x128, the size that ViTs take: 16 x 8 patches of 16 pixels.
_base_ = "./market1501.py"

train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="Resize", scale=(128, 256)),
    dict(type="RandomFlip", prob=0.5, direction="horizontal"),
    dict(type="RandomCrop", crop_size=(256, 128), padding=10),
    {{_base_.erasing}},
    {{_base_.pack}},
]
test_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="Resize", scale=(128, 256)),
    {{_base_.pack}},
]

train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
