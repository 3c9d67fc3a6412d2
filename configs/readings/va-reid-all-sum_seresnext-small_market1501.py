# Eq. 4 as one softmax over all pairs, and Eq. 9 as the sum that is printed.
_base_ = "./va-reid-all_seresnext-small_market1501.py"

model = dict(head=dict(loss_center=dict(reduction="sum")))
