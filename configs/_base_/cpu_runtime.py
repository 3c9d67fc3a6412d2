# The default runtime for CPUs: a faster layout for convolutions, and checkpoints more often.
_base_ = "./default_runtime.py"

custom_hooks = [*_base_.custom_hooks, dict(type="mmvareid.ChannelsLastHook")]
default_hooks = dict(checkpoint=dict(interval=4))
