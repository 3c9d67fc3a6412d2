# The schedule of TransReID (He et al. 2021), TransReID-SSL and SOLIDER-REID: SGD, warm-up, cosine,
# 120 epochs. The learning rate is the model's own.
optim_wrapper = dict(
    type="OptimWrapper", optimizer=dict(type="SGD", lr=8e-3, momentum=0.9, weight_decay=1e-4)
)

param_scheduler = [
    dict(type="LinearLR", start_factor=0.01, begin=0, end=20, convert_to_iter_based=True),
    dict(type="CosineAnnealingLR", T_max=100, eta_min_ratio=0.002, begin=20, end=120),
]

train_cfg = dict(by_epoch=True, max_epochs=120, val_interval=10)
val_cfg = dict()
test_cfg = dict()

# Learning rates are for 64 images a step; `tools/train.py --auto-scale-lr` scales them.
auto_scale_lr = dict(enable=False, base_batch_size=64)
