# Hundreds of thousands of identities: a tenth of the centres, drawn anew, take part in each step.
# A softmax over n classes reaches the probability P only if scale >= log(P (n - 1) / (1 - P)): for
# P = 0.9, 10 is enough for 2,000, and 16 for a million. Descriptors of 512 numbers keep a million
# identities' centres within one GPU's memory.
_base_ = "../va_reid/va-reid_seresnext101_market1501.py"

model = dict(
    neck=dict(out_channels=512),
    head=dict(in_channels=512, sample_ratio=0.1, scale=16.0),
)
