# VA-reID §4.2: Adam, warm-up over 10 epochs from 3.5e-5 to 3.5e-4, x0.1 at 50, 100 and 160.
optim_wrapper = dict(type="OptimWrapper", optimizer=dict(type="Adam", lr=3.5e-4, weight_decay=5e-4))

param_scheduler = [
    dict(type="LinearLR", start_factor=0.1, begin=0, end=10, convert_to_iter_based=True),
    dict(type="MultiStepLR", milestones=[50, 100, 160], gamma=0.1, begin=0),
]

train_cfg = dict(by_epoch=True, max_epochs=200, val_interval=10)
val_cfg = dict()
test_cfg = dict()

# Learning rates are for 64 images a step; `tools/train.py --auto-scale-lr` scales them.
auto_scale_lr = dict(enable=False, base_batch_size=64)
