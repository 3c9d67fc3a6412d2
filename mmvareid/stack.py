"""Checks that the OpenMMLab stack is installed in versions that work together.

Two sets of distributions provide the same import names, so neither can be a hard requirement of
this package: installing one would overwrite the files of the other.
"""

import warnings
from importlib import import_module

from packaging.version import Version

INSTALL_HINT = (
    "install one of the two stacks, from the checkout:\n"
    '    pip install -e ".[onedl]"      # kept up, works on current torch\n'
    '    pip install -e ".[openmmlab]"  # upstream releases'
)

# module -> (lowest version that works, first version that does not); both stacks lie within.
BOUNDS = {
    "mmengine": ("0.10.7", "1"),
    "mmcv": ("2.1", "2.4"),
    "mmpretrain": ("1.2", "1.4"),
}


def check_stack() -> None:
    """Raise ``ImportError`` with both install commands if the stack is missing or out of bounds."""
    for name, (lowest, beyond) in BOUNDS.items():
        try:
            module = import_module(name)
        except ModuleNotFoundError as error:
            if error.name != name:
                raise
            raise ModuleNotFoundError(
                f"mmvareid needs {name}, which is not installed; {INSTALL_HINT}", name=name
            ) from error
        if not Version(lowest) <= Version(module.__version__) < Version(beyond):
            raise ImportError(
                f"mmvareid works with {name}>={lowest},<{beyond}, but got {module.__version__}; "
                f"{INSTALL_HINT}"
            )
    # Without compiled operators mmcv warns here, at each start; nothing of ours needs them.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import_module("mmcv.cnn.bricks.transformer")
