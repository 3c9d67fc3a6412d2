# The same with colour jitter and erasing: few people and tens of epochs are enough to fit too well
# without.
_base_ = "./market1501_128x64.py"

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
