# VA-reID with V = 1: a second identity loss and nothing more.
_base_ = "../va_reid/va-reid_seresnext-small_market1501.py"

model = dict(head=dict(num_views=1, loss_center=None))
