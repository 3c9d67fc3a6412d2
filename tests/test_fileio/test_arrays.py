import os
import stat
import threading
from unittest import mock

import numpy as np
import pytest

from mmvareid.fileio.arrays import load_arrays, save_arrays


def test_two_writers_and_a_reader_see_whole_files(tmp_path):
    path, errors, stop = tmp_path / "a.npz", [], threading.Event()
    save_arrays(path, {"x": np.zeros(200_000)})

    def catches(work):
        def run():
            try:
                work()
            except Exception as error:
                errors.append(error)

        return threading.Thread(target=run)

    def read():
        while not stop.is_set():
            assert len(np.unique(load_arrays(path)["x"])) == 1

    def writes(value):
        return lambda: [save_arrays(path, {"x": np.full(200_000, value)}) for _ in range(20)]

    reader, writers = catches(read), [catches(writes(value)) for value in (1.0, 2.0)]
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    reader.join()
    assert not errors
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.npz"]


def test_a_file_of_the_users_is_left_alone(tmp_path):
    (tmp_path / "a.npz.part").write_text("mine")
    save_arrays(tmp_path / "a.npz", {"x": np.zeros(3)})
    assert (tmp_path / "a.npz.part").read_text() == "mine"


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_a_file_has_the_permissions_of_any_new_one(tmp_path):
    save_arrays(tmp_path / "a.npz", {"x": np.zeros(3)})
    (tmp_path / "b").touch()
    assert (tmp_path / "a.npz").stat().st_mode == (tmp_path / "b").stat().st_mode


def test_the_file_and_then_its_name_are_synced(tmp_path):
    kinds = []

    def sync(handle):
        kinds.append((stat.S_ISDIR(os.fstat(handle).st_mode), (tmp_path / "a.npz").exists()))

    with mock.patch("os.fsync", sync):
        save_arrays(tmp_path / "a.npz", {"x": np.zeros(3)})
    assert kinds == [(False, False), (True, True)]
