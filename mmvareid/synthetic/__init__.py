from .contact_sheet import contact_sheet
from .dataset import make_synthetic

__all__ = ["contact_sheet", "make_synthetic"]
