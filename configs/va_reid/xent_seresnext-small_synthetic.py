# Hard identity labels, small and from scratch, on synthetic people: minutes on two CPU cores.
# Draw them by
#   python tools/dataset_converters/make_synthetic.py data/synthetic --num-ids 256
_base_ = [
    "../_base_/models/seresnext-small.py",
    "../_base_/datasets/market1501_128x64.py",
    "../_base_/schedules/adam_200e.py",
    "../_base_/cpu_runtime.py",
]

data_root = "data/synthetic"
num_classes = 128
model = dict(head=dict(num_classes=num_classes))

train_dataloader = dict(dataset=dict(type="mmvareid.SyntheticPeople", data_root=data_root))
val_dataloader = dict(dataset=dict(type="mmvareid.SyntheticPeople", data_root=data_root))
test_dataloader = val_dataloader

optim_wrapper = dict(optimizer=dict(lr=3e-3))
train_cfg = dict(max_epochs=8, val_interval=4)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.1, begin=0, end=2, convert_to_iter_based=True),
    dict(type="MultiStepLR", milestones=[5, 7], gamma=0.1, begin=0),
]
