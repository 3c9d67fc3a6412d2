# Three viewpoints, soft: front_side is half front and half side (Assumption 2).
_base_ = "./va-reid_seresnext-small_synthetic.py"

train_dataloader = dict(dataset=dict(soft_viewpoints=dict(source="name")))
