# Hard identity labels (Eq. 7) on Market-1501: the first row of the paper's Table 2.
_base_ = [
    "../_base_/models/seresnext101.py",
    "../_base_/datasets/market1501.py",
    "../_base_/schedules/adam_200e.py",
    "../_base_/default_runtime.py",
]
