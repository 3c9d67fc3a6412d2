# The strong baseline that the paper compares with (SRB: Luo et al. 2019, arXiv:1903.07071): plain
# softmax with fixed label smoothing and a triplet loss, on GAP and BN without an embedding.
_base_ = "./xent_seresnext101_market1501.py"

# SRB's triplet takes the feature before the BN, ours the descriptor after it; no centre loss here.
model = dict(
    neck=dict(out_channels=None),
    head=dict(
        _delete_=True,
        type="mmvareid.ReIDHead",
        in_channels=2048,
        num_classes={{_base_.num_classes}},
        loss_id=dict(type="mmvareid.LSRLoss", epsilon=0.1),
        loss_triplet=dict(type="mmvareid.BatchHardTriplet", margin=0.3),
    ),
)
