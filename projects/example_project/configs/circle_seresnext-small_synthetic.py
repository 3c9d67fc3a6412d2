# L_y is circle loss, which takes cosines as they are: scale and margin are its own.
_base_ = "../../../configs/va_reid/xent_seresnext-small_synthetic.py"

custom_imports = dict(imports=["projects.example_project.circle_loss"])

model = dict(head=dict(scale=1.0, margin=0.0, loss_id=dict(type="mmvareid.CircleLoss")))
