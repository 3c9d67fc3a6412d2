# Four batches a step: gradients of 256 images in the memory of 64. Batch norm still sees 64,
# and --auto-scale-lr does not count them: set the learning rate for 256 yourself. Where the batches
# of an epoch are no multiple of four, a resumed run lacks what was left over before its stop.
_base_ = "../va_reid/va-reid_seresnext101_market1501.py"

optim_wrapper = dict(accumulative_counts=4)
