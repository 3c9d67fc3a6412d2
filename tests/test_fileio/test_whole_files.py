import os
import signal
from pathlib import Path
from unittest import mock

import pytest
import torch
from mmengine.fileio import LocalBackend, get_file_backend, register_backend
from mmengine.runner.checkpoint import save_checkpoint

from mmvareid.fileio.whole_files import AtomicLocalBackend, use_atomic_files, whole_file


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    with whole_file(path) as part:
        part.write_text("old")
    with pytest.raises(ZeroDivisionError), whole_file(path) as part:
        part.write_text("new")
        assert path.read_text() == "old" and part.parent == tmp_path
        raise ZeroDivisionError
    assert path.read_text() == "old" and [*tmp_path.iterdir()] == [path]


def test_a_body_that_writes_nothing_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / "a.txt"):
        pass
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("handler", ["the system's", "its own"])
def test_a_sigterm_leaves_no_part(tmp_path, handler):
    caught = []
    before = signal.getsignal(signal.SIGTERM)
    signal.signal(
        signal.SIGTERM,
        signal.SIG_DFL if handler == "the system's" else lambda *_: caught.append(1),
    )
    try:
        if caught or handler == "its own":
            with whole_file(tmp_path / "a.txt") as part:
                os.kill(os.getpid(), signal.SIGTERM)
                part.write_text("whole")
            assert caught and (tmp_path / "a.txt").read_text() == "whole"
            return
        with pytest.raises(SystemExit) as end, whole_file(tmp_path / "a.txt") as part:
            part.write_bytes(b"x" * 1000)
            os.kill(os.getpid(), signal.SIGTERM)
            signal.pause()
        assert end.value.code == 143 and not [*tmp_path.iterdir()]
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_device_is_written_as_it_is():
    with whole_file("/dev/null") as part:
        assert part == Path("/dev/null")


@pytest.fixture
def atomic():
    use_atomic_files()
    yield
    register_backend("local", LocalBackend, force=True, prefixes="")


def test_mmengine_writes_checkpoints_by_it(atomic, tmp_path):
    assert isinstance(get_file_backend(str(tmp_path)), AtomicLocalBackend)
    replaced = []
    with mock.patch.object(Path, "replace", lambda part, path: replaced.append((part, path))):
        save_checkpoint({"state_dict": {}}, str(tmp_path / "new" / "epoch_1.pth"))
    place = tmp_path / "new" / "epoch_1.pth"
    assert replaced == [(place.with_name("epoch_1.pth.part"), place)]


@pytest.mark.parametrize("failing", ["fsync", "write"])
def test_a_full_disk_leaves_the_old_one(atomic, tmp_path, failing):
    path = tmp_path / "epoch_1.pth"
    save_checkpoint({"epoch": 1}, str(path))
    if failing == "fsync":
        fault = mock.patch("os.fsync", side_effect=OSError(28, "No space left on device"))
    else:
        full = open("/dev/full", "wb", buffering=0)  # noqa: SIM115  # closed by what writes to it
        fault = mock.patch.object(Path, "open", lambda *_: full)
    with fault, pytest.raises(OSError, match="No space left"):
        save_checkpoint({"epoch": 2}, str(path))
    assert torch.load(path) == {"epoch": 1}
    assert [other.name for other in tmp_path.iterdir()] == ["epoch_1.pth"]
