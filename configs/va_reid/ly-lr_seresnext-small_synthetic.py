# And centre regularization without L_v (Eq. 9): L_y + beta L_R.
_base_ = "./ly_seresnext-small_synthetic.py"

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
