from .batch_hard_triplet import BatchHardTriplet
from .center_regularization import CenterRegularization
from .identity_smoothing import ALSRLoss, LSRLoss
from .viewpoint_smoothing import VALSRLoss

__all__ = ["ALSRLoss", "BatchHardTriplet", "CenterRegularization", "LSRLoss", "VALSRLoss"]
