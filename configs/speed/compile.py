# torch.compile of the training step. The first steps take minutes.
_base_ = "../va_reid/va-reid_seresnext101_market1501.py"

compile = True
