# Eq. 4 as one softmax over all pairs, in which the other views of a person are negatives.
_base_ = "../va_reid/va-reid_seresnext-small_market1501.py"

model = dict(head=dict(loss_view=dict(negatives="all")))
