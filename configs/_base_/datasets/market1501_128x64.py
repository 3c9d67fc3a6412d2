# Market-1501-like folders at 128x64, for a CPU. No random erasing: a network that trains from
# scratch for some hundred steps has no time for it.
_base_ = "./market1501.py"

train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="Resize", scale=(64, 128)),
    dict(type="RandomFlip", prob=0.5, direction="horizontal"),
    dict(type="RandomCrop", crop_size=(128, 64), padding=4),
    {{_base_.pack}},
]
test_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="Resize", scale=(64, 128)),
    {{_base_.pack}},
]

train_dataloader = dict(num_workers=2, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(num_workers=2, dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
