"""Viewpoints: names and files of them, told from body points or images, and what they are worth."""

from .from_images import from_images
from .from_pose import PoseViewpoints, from_pose
from .pose.files import Poses, read_poses
from .writing import write_viewpoints

__all__ = ["PoseViewpoints", "Poses", "from_images", "from_pose", "read_poses", "write_viewpoints"]
