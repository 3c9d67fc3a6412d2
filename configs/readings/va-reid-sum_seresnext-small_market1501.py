# Eq. 9 as the sum that is printed, instead of its mean.
_base_ = "../va_reid/va-reid_seresnext-small_market1501.py"

model = dict(head=dict(loss_center=dict(reduction="sum")))
