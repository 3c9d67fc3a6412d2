# Fixed label smoothing (Eq. 10).
_base_ = "./xent_seresnext-small_synthetic.py"

model = dict(head=dict(loss_id=dict(_delete_=True, type="mmvareid.LSRLoss", epsilon=0.1)))
