# Hard identity labels (Eq. 7) on DukeMTMC-reID: the first row of the paper's Table 2.
_base_ = [
    "../_base_/models/seresnext101.py",
    "../_base_/datasets/dukemtmc.py",
    "../_base_/schedules/adam_200e.py",
    "../_base_/default_runtime.py",
]

num_classes = 702
model = dict(head=dict(num_classes=num_classes))
