# VA-reID: L_y + L_v + beta L_R (Eq. 1). The ablation of §4.4 has beta = 0.1, §4.2 says 1.
_base_ = "./ly_mobilenet-v2_market1501.py"

model = dict(
    head=dict(
        loss_view=dict(
            _delete_=True, type="mmvareid.VALSRLoss", alpha=0.2, negatives="other_identities"
        ),
        loss_center=dict(
            _delete_=True,
            type="mmvareid.CenterRegularization",
            loss_weight=0.1,
            reduction="mean",
        ),
    )
)
