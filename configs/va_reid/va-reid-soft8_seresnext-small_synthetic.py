# Eight viewpoints around the person, soft. Left and right differ, so a flipped image is seen from
# the other side.
_base_ = "./va-reid_seresnext-small_synthetic.py"

num_views = 8
model = dict(head=dict(num_views=num_views))
train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="Resize", scale=(64, 128)),
    dict(type="RandomFlip", prob=0.5, direction="horizontal"),
    dict(type="mmvareid.MirrorViewpoint"),
    dict(type="RandomCrop", crop_size=(128, 64), padding=4),
    {{_base_.pack}},
]
train_dataloader = dict(
    dataset=dict(
        pipeline=train_pipeline,
        soft_viewpoints=dict(source="yaw", num_views=num_views, all_round=True),
    ),
)
