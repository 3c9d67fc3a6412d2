# Compute the backbone's blocks twice instead of keeping their maps: less memory, a third more time.
# Running statistics of batch norm are updated twice in a step.
_base_ = "../va_reid/va-reid_seresnext101_market1501.py"

model = dict(backbone=dict(with_cp=True))
