# Viewpoints from body points, without a label (Table 3).
_base_ = "../va_reid/va-reid_seresnext-small_synthetic.py"

train_dataloader = dict(dataset=dict(viewpoint_file="viewpoints_pose.csv"))
