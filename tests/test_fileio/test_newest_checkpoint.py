import os

import pytest
import torch

from mmvareid.fileio.newest_checkpoint import find_whole_checkpoint


def save(path, value, optimizer=True):
    """A checkpoint of one number, some kB long."""
    content = {"state_dict": {"w": torch.full((2000,), float(value))}}
    torch.save({**content, "optimizer": {}} if optimizer else content, path)


def test_the_newest_whole_one_is_found_and_the_others_are_told(tmp_path):
    for epoch in (2, 10, 12, 14):
        path = tmp_path / f"epoch_{epoch}.pth"
        save(path, epoch, optimizer=epoch != 14)
        os.utime(path, (epoch, epoch))
    cut = (tmp_path / "epoch_12.pth").read_bytes()[:-3000]
    (tmp_path / "epoch_12.pth").write_bytes(cut)
    os.utime(tmp_path / "epoch_12.pth", (12, 12))
    (tmp_path / "epoch_16.pth.part").write_bytes(cut)
    save(tmp_path / "best_reid_mAP_epoch_14.pth", 14)  # has no optimizer's state either, by name
    path, skipped = find_whole_checkpoint(tmp_path)
    assert path == tmp_path / "epoch_10.pth"
    assert len(skipped) == 2
    assert "epoch_14.pth is skipped: it has no optimizer" in skipped[0]
    assert "epoch_12.pth is skipped" in skipped[1] and "is it whole" in skipped[1]


def test_names_behind_which_there_is_no_file(tmp_path):
    save(tmp_path / "epoch_1.pth", 1)
    (tmp_path / "epoch_2.pth").mkdir()
    (tmp_path / "epoch_3.pth").symlink_to(tmp_path / "gone")
    (tmp_path / "last_checkpoint").write_text("x" * 5000)
    path, skipped = find_whole_checkpoint(tmp_path)
    assert path == tmp_path / "epoch_1.pth"
    assert len(skipped) == 2 and "epoch_3.pth does not exist" in skipped[0]


def test_a_copied_work_dir_whose_times_are_mixed_up(tmp_path):
    for epoch, time in ((9, 3), (10, 2), (11, 1)):
        save(tmp_path / f"epoch_{epoch}.pth", epoch)
        os.utime(tmp_path / f"epoch_{epoch}.pth", (time, time))
    assert find_whole_checkpoint(tmp_path)[0] == tmp_path / "epoch_11.pth"
    (tmp_path / "last_checkpoint").write_text("/elsewhere/epoch_11.pth")
    assert find_whole_checkpoint(tmp_path)[0] == tmp_path / "epoch_11.pth"


@pytest.mark.parametrize("killed_before_noted", [False, True])
def test_a_run_started_anew_in_an_old_folder(tmp_path, killed_before_noted):
    for epoch, time in ((90, 1), (100, 2), (1, 3), (2, 4)):
        save(tmp_path / f"epoch_{epoch}.pth", epoch)
        os.utime(tmp_path / f"epoch_{epoch}.pth", (time, time))
    last = "epoch_1.pth" if killed_before_noted else "epoch_2.pth"
    (tmp_path / "last_checkpoint").write_text(str(tmp_path / last))
    assert find_whole_checkpoint(tmp_path)[0] == tmp_path / "epoch_2.pth"
    (tmp_path / "epoch_2.pth").write_bytes(b"")
    assert find_whole_checkpoint(tmp_path)[0] == tmp_path / "epoch_1.pth"


def test_a_run_that_has_none(tmp_path):
    assert find_whole_checkpoint(tmp_path) == (None, [])
    assert find_whole_checkpoint(tmp_path / "nothing") == (None, [])
