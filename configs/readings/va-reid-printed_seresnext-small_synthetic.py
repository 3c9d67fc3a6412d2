# Eq. 4 exactly as printed: negatives are other identities seen from other viewpoints.
_base_ = "../va_reid/va-reid_seresnext-small_synthetic.py"

model = dict(head=dict(loss_view=dict(negatives="other_identities_and_views")))
