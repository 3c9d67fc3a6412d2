"""People drawn from primitives at known yaw, and the folder that they make."""

from .contact_sheet import contact_sheet
from .dataset import make_synthetic

__all__ = ["contact_sheet", "make_synthetic"]
