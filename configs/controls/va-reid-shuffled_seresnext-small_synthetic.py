# VA-reID with the viewpoints of the training images shuffled (the same way for every seed of the
# run): what is not the viewpoints' doing.
_base_ = "../va_reid/va-reid_seresnext-small_synthetic.py"

train_dataloader = dict(dataset=dict(label_noise=dict(share=1.0, kind="shuffled")))
