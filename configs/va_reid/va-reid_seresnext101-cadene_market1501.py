# VA-reID from the ImageNet weights that papers of its time used: Cadene's se_resnext101_32x4d, made
# ready by tools/model_converters/convert_backbone.py. Their stem pools without padding.
_base_ = "./va-reid_seresnext101_market1501.py"

model = dict(
    backbone=dict(
        type="mmvareid.SEResNeXt",
        stem_pool="ceil",
        init_cfg=dict(type="Pretrained", checkpoint="weights/seresnext101-cadene.pth"),
    )
)
