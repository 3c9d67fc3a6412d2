# What a GPU is fastest with; see docs/scaling.md.
_base_ = "./on_batch.py"

optim_wrapper = dict(
    type="AmpOptimWrapper",
    dtype="bfloat16",
    loss_scale=dict(enabled=False),
    optimizer=dict(fused=True),
)
custom_hooks = [
    *_base_.custom_hooks,
    dict(type="mmvareid.ChannelsLastHook"),
    dict(type="mmvareid.CompileBlocksHook"),
]
