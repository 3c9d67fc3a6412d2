# MSMT17, V1 or V2 by the folder names found.
_base_ = "./market1501.py"

data_root = "data/msmt17"

train_dataloader = dict(dataset=dict(type="mmvareid.MSMT17", data_root=data_root))
val_dataloader = dict(dataset=dict(type="mmvareid.MSMT17", data_root=data_root))
test_dataloader = val_dataloader
