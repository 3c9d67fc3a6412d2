from .joint_head import JointHead
from .reid_head import ReIDHead
from .stripe_head import StripeHead
from .va_head import VAHead

__all__ = ["JointHead", "ReIDHead", "StripeHead", "VAHead"]
