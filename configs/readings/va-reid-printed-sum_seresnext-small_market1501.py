# And Eq. 9 as the sum that is printed.
_base_ = "./va-reid-printed_seresnext-small_market1501.py"

model = dict(head=dict(loss_center=dict(reduction="sum")))
