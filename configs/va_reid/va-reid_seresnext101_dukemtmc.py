# VA-reID on DukeMTMC-reID; the paper reports 81.48 mAP, 91.11 Rank-1.
_base_ = [
    "../_base_/models/va-reid_seresnext101.py",
    "../_base_/datasets/dukemtmc.py",
    "../_base_/schedules/adam_200e.py",
    "../_base_/default_runtime.py",
]

num_classes = 702
model = dict(head=dict(num_classes=num_classes))
