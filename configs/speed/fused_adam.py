# Adam's update of all parameters in one kernel.
_base_ = "../va_reid/va-reid_seresnext101_market1501.py"

optim_wrapper = dict(optimizer=dict(fused=True))
