# VA-reID on the global feature, joined with a stripe pyramid of local ones (§3.3).
_base_ = "./va-reid_mobilenet-v2_market1501.py"

local_neck = dict(type="mmvareid.StripePyramid", in_channels=1280, out_channels=64, num_parts=4)
local_head = dict(
    type="mmvareid.StripeHead", in_channels=64, num_stripes=10, num_classes={{_base_.num_classes}}
)
model = dict(
    neck=dict(_delete_=True, type="mmvareid.JointNeck", necks=[{{_base_.model.neck}}, local_neck]),
    head=dict(_delete_=True, type="mmvareid.JointHead", heads=[{{_base_.model.head}}, local_head]),
)
