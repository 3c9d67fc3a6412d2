# VA-reID, small, on the synthetic people of tools/dataset_converters/make_synthetic.py: minutes
# on two CPU cores.
_base_ = [
    "../_base_/models/va-reid_seresnext-small.py",
    "../_base_/datasets/market1501_128x64.py",
    "../_base_/schedules/adam_200e.py",
    "../_base_/default_runtime.py",
]

data_root = "data/synthetic"
num_classes = 64
model = dict(head=dict(num_classes=num_classes))

train_dataloader = dict(dataset=dict(data_root=data_root))
val_dataloader = dict(dataset=dict(data_root=data_root))
test_dataloader = val_dataloader

train_cfg = dict(max_epochs=60, val_interval=10)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.1, begin=0, end=5, convert_to_iter_based=True),
    dict(type="MultiStepLR", milestones=[40, 52], gamma=0.1, begin=0),
]
