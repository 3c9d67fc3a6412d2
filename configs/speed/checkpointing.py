# Compute the backbone's blocks twice instead of keeping their maps: less memory, a third more time.
_base_ = "../va_reid/va-reid_seresnext101_market1501.py"

model = dict(backbone=dict(with_cp=True))
