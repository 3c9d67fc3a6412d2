# Market-1501 at 384x128, 16 identities x 4 images. `data_root` and `viewpoint_file` can be set by
# `--cfg-options data_root=...`; they reach every dataloader.
data_root = "data/market1501"
viewpoint_file = "auto"  # finds the authors' pickle, viewpoints.json or viewpoints.csv in data_root

pack = dict(
    type="PackInputs",
    algorithm_keys=("person_id", "camera_id", "is_query", "viewpoint", "viewpoint_weights"),
)
erasing = dict(
    type="RandomErasing",
    erase_prob=0.5,
    min_area_ratio=0.02,
    max_area_ratio=0.4,
    mode="const",
    fill_color=(103.53, 116.28, 123.675),
)
train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="Resize", scale=(128, 384)),
    dict(type="RandomFlip", prob=0.5, direction="horizontal"),
    dict(type="RandomCrop", crop_size=(384, 128), padding=10),
    erasing,
    pack,
]
test_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="Resize", scale=(128, 384)),
    pack,
]

train_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type="mmvareid.IdentitySampler", num_identities=16, num_instances=4),
    dataset=dict(
        type="mmvareid.Market1501",
        data_root=data_root,
        split="train",
        viewpoint_file=viewpoint_file,
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=128,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(
        type="mmvareid.Market1501",
        data_root=data_root,
        split="test",
        viewpoint_file=viewpoint_file,
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader

val_evaluator = dict(type="mmvareid.ReIDMetric")
test_evaluator = dict(type="mmvareid.ReIDMetric", viewpoints=True)
