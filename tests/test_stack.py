import sys
from types import SimpleNamespace

import pytest

from mmvareid.stack import check_stack


def test_a_missing_stack_tells_both_install_commands(monkeypatch):
    monkeypatch.setitem(sys.modules, "mmengine", None)
    with pytest.raises(ImportError, match=r"needs mmengine[\s\S]*\[onedl\][\s\S]*\[openmmlab\]"):
        check_stack()


def test_a_version_out_of_bounds_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "mmcv", SimpleNamespace(__version__="1.7.0"))
    with pytest.raises(ImportError, match=r"works with mmcv>=2\.1,<2\.4, but got 1\.7\.0"):
        check_stack()
