"""Packaging of mmvareid.

Neither OpenMMLab stack is a hard requirement: both provide the same import names, so installing
one would overwrite the other. Choose by extra: ``pip install -e ".[onedl]"``.
"""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = re.search(r'__version__ = "(.+?)"', (HERE / "mmvareid/__init__.py").read_text()).group(1)

EXTRAS = {
    "onedl": [
        "onedl-mmengine>=0.10.12,<0.11",
        "onedl-mmcv>=2.3.6,<2.4",
        "onedl-mmpretrain>=1.3.6,<1.4",
    ],
    "openmmlab": [
        "mmengine>=0.10.7,<1",
        "mmcv-lite>=2.1,<2.3",
        "mmpretrain>=1.2,<1.3",
        "setuptools<82",  # upstream imports pkg_resources
    ],
    "analysis": ["tensorboard"],  # pictures while it trains
    "search": ["faiss-cpu"],  # galleries of more than 50,000 pictures
    "database": ["pymilvus>=3", "milvus-lite>=3"],  # galleries on a disk or a server
    "export": ["onnx", "onnxruntime", "onnxscript"],
    "docs": ["mkdocs<2", "mkdocs-material>=9.6", "mkdocstrings[python]>=1.0"],
    "test": [
        "hypothesis",
        "mypy",
        "playwright",  # pages are looked at in Chromium, where it is installed
        "pre-commit",
        "pytest",
        "pytest-xdist>=3.7",  # has --no-loadscope-reorder
        "ruff",
        "thop>=0.1.1",  # releases of 2020 count batch norm otherwise
        "timm",
    ],
}

setup(
    name="mmvareid",
    version=VERSION,
    description="Viewpoint-aware person re-identification on the OpenMMLab stack",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author="The mmvareid authors",
    license="Apache-2.0",
    packages=find_packages(include=["mmvareid", "mmvareid.*"]),
    # Links to configs/ and tools/, so that they are found outside a clone too.
    package_data={"mmvareid": [".mim/**/*"]},
    entry_points={"console_scripts": ["mmvareid = mmvareid.__main__:main"]},
    python_requires=">=3.10",
    install_requires=[
        "matplotlib",
        "numpy",
        "opencv-python",
        "packaging",
        "pillow",
        "rich",
        "scikit-learn>=1.6",  # trees that take missing points
        "torch>=2.4",
        "torchvision",  # mmpretrain imports it at import
    ],
    extras_require={
        **EXTRAS,
        "all": [part for name, parts in EXTRAS.items() if name != "openmmlab" for part in parts],
    },
)
