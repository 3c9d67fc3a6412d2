from .embedding_neck import EmbeddingNeck
from .joint_neck import JointNeck
from .stripe_pyramid import StripePyramid

__all__ = ["EmbeddingNeck", "JointNeck", "StripePyramid"]
