# DukeMTMC-reID; its authors withdrew it, see the README on what data one may use.
_base_ = "./market1501.py"

data_root = "data/dukemtmc-reid"

train_dataloader = dict(dataset=dict(type="mmvareid.DukeMTMCreID", data_root=data_root))
val_dataloader = dict(dataset=dict(type="mmvareid.DukeMTMCreID", data_root=data_root))
test_dataloader = val_dataloader
