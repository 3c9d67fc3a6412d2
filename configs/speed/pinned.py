# Batches in pinned memory, from which copies to the GPU are faster; workers stay anyway.
_base_ = "../va_reid/va-reid_seresnext101_market1501.py"

train_dataloader = dict(pin_memory=True)
val_dataloader = dict(pin_memory=True)
test_dataloader = val_dataloader
