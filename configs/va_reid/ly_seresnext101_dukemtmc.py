# Adaptive label smoothing (Eq. 11): L_y, the baseline of the paper.
_base_ = "./lsr_seresnext101_dukemtmc.py"

model = dict(head=dict(loss_id=dict(_delete_=True, type="mmvareid.ALSRLoss", alpha=0.2)))
