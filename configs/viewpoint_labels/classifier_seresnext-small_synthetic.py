# Viewpoints that a classifier tells, trained on 600 labelled images (Table 3).
_base_ = "../va_reid/va-reid_seresnext-small_synthetic.py"

train_dataloader = dict(dataset=dict(viewpoint_file="viewpoints_classifier.csv"))
