# VA-reID: L_y + L_v + beta L_R (Eq. 1). The ablation of §4.4 has beta = 0.1, §4.2 says 1.
_base_ = "./ly-lv_seresnext101_dukemtmc.py"

model = dict(
    head=dict(
        loss_center=dict(
            _delete_=True,
            type="mmvareid.CenterRegularization",
            loss_weight=0.1,
            reduction="mean",
        )
    )
)
