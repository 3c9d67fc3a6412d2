# An SE-ResNeXt50 of a quarter of the width, for CPUs: 1.0 M instead of 25.5 M parameters.
_base_ = "./seresnext101.py"

model = dict(
    backbone=dict(depth=50, stem_channels=16, base_channels=16, groups=8, width_per_group=2),
    neck=dict(in_channels=512, out_channels=512, pooling=dict(type="GeneralizedMeanPooling")),
    head=dict(in_channels=512),
)
