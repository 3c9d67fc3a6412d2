# For transformers and ConvNeXt: AdamW with a warm-up over 5 epochs and a cosine, for 120 epochs as
# TransReID (He et al. 2021). A place to start from; nothing was swept.
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="AdamW", lr=1e-4, weight_decay=0.05),
    paramwise_cfg=dict(
        norm_decay_mult=0.0,
        bias_decay_mult=0.0,
        custom_keys={"cls_token": dict(decay_mult=0.0), "pos_embed": dict(decay_mult=0.0)},
    ),
)

param_scheduler = [
    dict(type="LinearLR", start_factor=0.01, begin=0, end=5, convert_to_iter_based=True),
    dict(type="CosineAnnealingLR", begin=5, end=120, eta_min=1e-6),
]

train_cfg = dict(by_epoch=True, max_epochs=120, val_interval=10)
val_cfg = dict()
test_cfg = dict()

auto_scale_lr = dict(enable=False, base_batch_size=64)
