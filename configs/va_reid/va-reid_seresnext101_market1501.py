# VA-reID on Market-1501, exactly as §4.2 says; the paper reports 89.97 mAP, 95.87 Rank-1.
_base_ = [
    "../_base_/models/va-reid_seresnext101.py",
    "../_base_/datasets/market1501.py",
    "../_base_/schedules/adam_200e.py",
    "../_base_/default_runtime.py",
]
