import os
import struct
import zipfile
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import numpy as np
import pytest
import torch
from mmengine.logging.history_buffer import HistoryBuffer
from mmengine.runner import CheckpointLoader

from mmvareid.fileio.checkpoints import load_checkpoint_safely, use_safe_checkpoints


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


def test_what_others_forbid_meanwhile_does_not_matter(tmp_path):
    path = tmp_path / "epoch_1.pth"
    torch.save({"message_hub": {"loss": HistoryBuffer([1.0], [1])}}, path)
    torch.serialization.clear_safe_globals()
    assert load_checkpoint_safely(str(path))["message_hub"]["loss"].current() == 1


def test_a_hostile_checkpoint_from_the_web_is_refused(tmp_path, monkeypatch):
    use_safe_checkpoints()
    marker, path = tmp_path / "ran", tmp_path / "hostile.pth"
    torch.save({"state_dict": {}, "meta": Hostile(marker)}, path)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "cache"))
    with http_server(tmp_path) as address:
        with pytest.raises(ValueError, match=r"cache/checkpoints/hostile\.pth holds objects"):
            CheckpointLoader.load_checkpoint(f"{address}/hostile.pth")
        torch.save({"state_dict": {"w": torch.ones(2)}}, tmp_path / "good.pth")
        loaded = CheckpointLoader.load_checkpoint(f"{address}/good.pth")
    assert torch.equal(loaded["state_dict"]["w"], torch.ones(2)) and not marker.exists()


@contextmanager
def http_server(folder):
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("address", ["s3://bucket/a.pth", "pavi://a.pth", "x:petrel://a.pth"])
def test_what_would_be_unpickled_is_refused(address):
    use_safe_checkpoints()
    with pytest.raises(ValueError, match="has to be a file or an http address"):
        CheckpointLoader.load_checkpoint(address)


def test_a_hostile_checkpoint_is_refused_and_not_run(tmp_path):
    use_safe_checkpoints()
    marker, path = tmp_path / "ran", tmp_path / "hostile.pth"
    torch.save({"state_dict": {}, "meta": Hostile(marker)}, path)
    with pytest.raises(ValueError, match=r"hostile\.pth holds objects that could run code"):
        CheckpointLoader.load_checkpoint(str(path))
    assert not marker.exists()


def text(value):
    """The opcode of pickle that pushes a string."""
    return b"X" + struct.pack("<I", len(value)) + value


def test_a_checkpoint_that_reaches_for_exec_by_getattr_is_refused(tmp_path):
    marker, path = tmp_path / "ran", tmp_path / "hostile.pth"
    attribute = b"c__builtin__\ngetattr\n"
    execute = attribute + (attribute * 2 + text(b"__self__") + b"\x86R") + text(b"exec") + b"\x86R"
    hostile = (
        b"\x80\x02cmmengine.logging.history_buffer\nHistoryBuffer\n)\x81"
        + (b"}" + text(b"__setstate__") + execute + b"sb")
        + text(f"open({str(marker)!r}, 'w')".encode())
        + b"b."
    )
    harmless = tmp_path / "harmless.pth"
    torch.save({"w": torch.ones(1)}, harmless)
    with zipfile.ZipFile(harmless) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            target.writestr(name, hostile if name.endswith("data.pkl") else source.read(name))
    with pytest.raises(ValueError, match=r"hostile\.pth holds objects that could run code"):
        load_checkpoint_safely(str(path))
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
