# On synthetic people; see va_reid/xent_seresnext-small_synthetic.py for how to draw them.
_base_ = "./seresnext-small_market1501.py"

data_root = "data/synthetic"
people = dict(type="mmvareid.SyntheticPeople", data_root=data_root)
train_dataloader = dict(dataset=dict(dataset=dict(**people)))
val_dataloader = dict(dataset=dict(dataset=dict(**people)))
test_dataloader = val_dataloader
