# The loader decodes and resizes; everything random is done on the device for the whole batch.
_base_ = "../va_reid/va-reid_seresnext101_market1501.py"

train_pipeline = [
    dict(type="mmvareid.DecodeImage"),
    dict(type="Resize", scale=(128, 384)),
    dict(
        type="mmvareid.PackImage",
        algorithm_keys=("person_id", "camera_id", "is_query", "viewpoint", "viewpoint_weights"),
    ),
]
train_dataloader = dict(
    collate_fn=dict(type="mmvareid.collate_images"),
    pin_memory=True,
    dataset=dict(pipeline=train_pipeline),
)
model = dict(
    data_preprocessor=dict(
        transforms=[
            dict(type="mmvareid.BatchRandomFlip", prob=0.5),
            dict(type="mmvareid.BatchRandomCrop", padding=10),
            dict(type="mmvareid.BatchRandomErasing", fill_color=(103.53, 116.28, 123.675)),
        ],
    )
)
