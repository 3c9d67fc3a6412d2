# Hundreds of thousands of identities: a tenth of the centres, drawn anew, take part in each step.
_base_ = "../va_reid/va-reid_seresnext101_market1501.py"

model = dict(head=dict(sample_ratio=0.1))
