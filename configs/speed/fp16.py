# Mixed precision in float16, for GPUs without bfloat16, with a loss scale that adapts itself.
_base_ = "../va_reid/va-reid_seresnext101_market1501.py"

optim_wrapper = dict(type="AmpOptimWrapper", dtype="float16", loss_scale="dynamic")
