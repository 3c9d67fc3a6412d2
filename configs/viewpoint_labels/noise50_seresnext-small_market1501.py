# Half of the viewpoints are wrong.
_base_ = "../va_reid/va-reid_seresnext-small_market1501.py"

train_dataloader = dict(dataset=dict(label_noise=dict(share=0.5)))
