# VA-reID on the global feature, joined with a stripe pyramid of local ones (§3.3).
_base_ = "./va-reid_seresnext101_market1501.py"

local_neck = dict(type="mmvareid.StripePyramid", in_channels=2048, out_channels=256, num_parts=6)
local_head = dict(
    type="mmvareid.StripeHead", in_channels=256, num_stripes=21, num_classes={{_base_.num_classes}}
)
model = dict(
    neck=dict(_delete_=True, type="mmvareid.JointNeck", necks=[{{_base_.model.neck}}, local_neck]),
    head=dict(_delete_=True, type="mmvareid.JointHead", heads=[{{_base_.model.head}}, local_head]),
)
