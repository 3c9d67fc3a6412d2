"""Viewpoint labels from body points or from images, and what they are worth."""

from .from_images import from_images
from .from_pose import PoseViewpoints, from_pose
from .label_files import write_viewpoints
from .pose_files import Poses, read_poses

__all__ = ["PoseViewpoints", "Poses", "from_images", "from_pose", "read_poses", "write_viewpoints"]
