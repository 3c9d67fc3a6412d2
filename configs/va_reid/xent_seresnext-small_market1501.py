# Hard identity labels, small and from scratch, on a Market-1501-like folder: what two CPU cores
# train.
_base_ = [
    "../_base_/models/seresnext-small.py",
    "../_base_/datasets/market1501_128x64_jitter.py",
    "../_base_/schedules/adam_200e.py",
    "../_base_/cpu_runtime.py",
]

optim_wrapper = dict(optimizer=dict(lr=3e-3))
train_cfg = dict(max_epochs=28, val_interval=4)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.1, begin=0, end=2, convert_to_iter_based=True),
    dict(type="MultiStepLR", milestones=[19, 25], gamma=0.1, begin=0),
]
