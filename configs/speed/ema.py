# Test and save an exponential moving average of the weights beside the weights; momentum is the
# share of a step's new weights.
_base_ = "../va_reid/va-reid_seresnext101_market1501.py"

custom_hooks = [
    *_base_.custom_hooks,
    dict(type="mmvareid.SyncedEMAHook", momentum=2e-4, update_buffers=True),
]
