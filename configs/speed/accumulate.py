# Four batches a step: gradients of 256 images in the memory of 64. Batch norm still sees 64,
# and --auto-scale-lr does not count them: set the learning rate for 256 yourself.
_base_ = "../va_reid/va-reid_seresnext101_market1501.py"

optim_wrapper = dict(accumulative_counts=4)
