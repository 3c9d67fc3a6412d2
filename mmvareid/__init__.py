"""Viewpoint-aware person re-identification on the OpenMMLab stack."""

from .moved import keep_old_names
from .stack import check_stack

__version__ = "0.1.0"

check_stack()
keep_old_names()

from .config import get_config  # noqa: E402  # needs the stack

__all__ = ["__version__", "get_config"]
