# And identity-by-viewpoint centres with soft labels (Eq. 12): L_y + L_v.
_base_ = "./ly_seresnext101_market1501.py"

model = dict(
    head=dict(
        loss_view=dict(
            _delete_=True, type="mmvareid.VALSRLoss", alpha=0.2, negatives="other_identities"
        )
    )
)
