# Weights and maps of convolutions in the layout that tensor cores and CPUs are fastest in.
_base_ = "../va_reid/va-reid_seresnext101_market1501.py"

custom_hooks = [*_base_.custom_hooks, dict(type="mmvareid.ChannelsLastHook")]
