# Adaptive label smoothing (Eq. 11), L_y, from ImageNet weights on a Market-1501-like folder.
_base_ = [
    "../_base_/models/mobilenet-v2.py",
    "../_base_/datasets/market1501_128x64_jitter.py",
    "../_base_/schedules/adam_200e.py",
    "../_base_/cpu_runtime.py",
]

model = dict(head=dict(loss_id=dict(_delete_=True, type="mmvareid.ALSRLoss", alpha=0.2)))

optim_wrapper = dict(optimizer=dict(lr=7e-4))
train_cfg = dict(max_epochs=16, val_interval=4)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.1, begin=0, end=2, convert_to_iter_based=True),
    dict(type="MultiStepLR", milestones=[11, 14], gamma=0.1, begin=0),
]
