# Eq. 4 and Eq. 9 exactly as printed.
_base_ = "./va-reid-printed_seresnext-small_synthetic.py"

model = dict(head=dict(loss_center=dict(reduction="sum")))
