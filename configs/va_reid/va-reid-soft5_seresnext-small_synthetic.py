# Five viewpoints, soft: a yaw between two of them is shared by its distance (Assumption 2).
_base_ = "./va-reid_seresnext-small_synthetic.py"

num_views = 5
model = dict(head=dict(num_views=num_views))
train_dataloader = dict(
    dataset=dict(soft_viewpoints=dict(source="yaw", num_views=num_views)),
)
