# CUHK03 by the new protocol: 767 identities to train, 700 to test.
_base_ = "./market1501.py"

data_root = "data/cuhk03-np"

train_dataloader = dict(dataset=dict(type="mmvareid.CUHK03", data_root=data_root))
val_dataloader = dict(dataset=dict(type="mmvareid.CUHK03", data_root=data_root))
test_dataloader = val_dataloader
