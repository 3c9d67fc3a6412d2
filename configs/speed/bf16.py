# Mixed precision in bfloat16 (Ampere GPUs and later): no loss scaling. The head computes its losses
# in float32 in any case.
_base_ = "../va_reid/va-reid_seresnext101_market1501.py"

optim_wrapper = dict(type="AmpOptimWrapper", dtype="bfloat16", loss_scale=dict(enabled=False))
