# VA-reID with the viewpoints of the training images shuffled: what is not the viewpoints' doing.
_base_ = "../va_reid/va-reid_seresnext-small_synthetic.py"

train_dataloader = dict(dataset=dict(label_noise=dict(share=1.0, kind="shuffled")))
