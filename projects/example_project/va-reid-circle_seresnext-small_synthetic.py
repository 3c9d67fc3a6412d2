# VA-reID with the circle loss of this folder beside its own.
_base_ = "mmvareid::va_reid/va-reid_seresnext-small_synthetic.py"

custom_imports = dict(imports=["circle_loss"])  # found by PYTHONPATH
model = dict(head=dict(loss_triplet=dict(type="mmvareid.CircleLoss")))
