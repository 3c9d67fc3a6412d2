import os

import numpy as np
import pytest
import torch
from mmengine.logging.history_buffer import HistoryBuffer
from mmengine.runner import CheckpointLoader

from mmvareid.compat import load_checkpoint_safely, use_safe_checkpoints


class Hostile:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


def test_checkpoints_of_mmengine_load(tmp_path):
    path = tmp_path / "epoch_1.pth"
    buffer = HistoryBuffer([1.0, 2.0], [1, 1])
    torch.save({"state_dict": {"w": torch.ones(2)}, "message_hub": {"loss": buffer}}, path)
    loaded = load_checkpoint_safely(str(path))
    assert torch.equal(loaded["state_dict"]["w"], torch.ones(2))
    assert np.array_equal(loaded["message_hub"]["loss"].data[0], [1.0, 2.0])


def test_a_hostile_checkpoint_is_refused_and_not_run(tmp_path):
    use_safe_checkpoints()
    marker, path = tmp_path / "ran", tmp_path / "hostile.pth"
    torch.save({"state_dict": {}, "meta": Hostile(marker)}, path)
    with pytest.raises(ValueError, match=r"hostile\.pth holds objects that could run code"):
        CheckpointLoader.load_checkpoint(str(path))
    assert not marker.exists()


def test_a_cut_off_checkpoint_is_named(tmp_path):
    path = tmp_path / "cut.pth"
    torch.save({"state_dict": {"w": torch.ones(1000)}}, path)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ValueError, match=r"cut\.pth .*whole"):
        load_checkpoint_safely(str(path))


def test_a_missing_checkpoint_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.pth does not exist"):
        load_checkpoint_safely(str(tmp_path / "none.pth"))
