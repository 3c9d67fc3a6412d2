"""Viewpoint-aware person re-identification on the OpenMMLab stack."""

from .stack import check_stack

__version__ = "0.1.0"

check_stack()
