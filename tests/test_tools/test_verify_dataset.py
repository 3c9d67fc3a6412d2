import json
import shutil
import subprocess

import cv2
import numpy as np
import pytest
from small_run import command, error_of, run

from mmvareid.datasets import make_synthetic

TOOL = "misc/verify_dataset.py"


def test_a_good_set_has_nothing(tmp_path):
    make_synthetic(tmp_path / "set", num_ids=4, num_distractors=2, num_junk=2, seed=0)
    out = tmp_path / "new" / "found.json"
    run(TOOL, tmp_path / "set", "--out", out)
    found = json.loads(out.read_text())
    assert found.pop("images") == len(list((tmp_path / "set").rglob("*.jpg")))
    assert len(found) == 6 and not any(found.values())


def test_every_kind_is_found(market_root, tmp_path):
    folder = market_root / "bounding_box_train"
    good = folder / "0002_c1s1_000000_00.jpg"
    whole = good.read_bytes()
    made = {
        "truncated": {"0002_c1s1_1.jpg": whole[:-30], "0002_c1s1_2.jpg": b""},
        "undecodable": {"0002_c1s1_3.jpg": b"hello", "0002_c1s1_4.png": b"\x89PNG\r\n\x1a\n..."},
        "odd_name": {"holiday.png": None},
        "tiny": {"0002_c1s1_5.png": (4, 9)},
    }
    for number, files in enumerate(made.values()):
        for name, content in files.items():
            if isinstance(content, bytes):
                (folder / name).write_bytes(content)
            else:
                size = content or (20, 20)
                assert cv2.imwrite(str(folder / name), np.full((*size, 3), number, np.uint8))
    shutil.copy(good, folder / "0002_c3s1_000777_00.jpg")
    shutil.copy(folder / "0007_c1s1_000000_00.jpg", folder / "0011_c3s1_000777_00.jpg")
    out = tmp_path / "found.json"
    done = subprocess.run(
        command(TOOL, folder, "--out", out, "--min-side", 6), capture_output=True, text=True
    )
    assert done.returncode == 1, done.stderr
    found = json.loads(out.read_text())
    for kind, files in made.items():
        assert found[kind] == sorted(str(folder / name) for name in files), kind
    # market_root draws some images alike: only those made here are asked for
    assert str(folder / "0002_c3s1_000777_00.jpg") in found["duplicate"] + found["conflict"]
    assert str(folder / "0011_c3s1_000777_00.jpg") in found["conflict"]


def test_where_all_names_are_others_folders_tell_the_person(draw_images, tmp_path):
    names = [f"0001_{i:03d}_01_0303morning_0015_0.jpg" for i in (0, 1)]  # as in MSMT17
    draw_images(tmp_path / "train/0000", names[:1])
    draw_images(tmp_path / "train/0001", names)  # the first looks like the other's
    shutil.copy(tmp_path / "train/0001" / names[1], tmp_path / "train/0001/z.jpg")
    run(TOOL, tmp_path / "train", "--min-side", 4, "--out", tmp_path / "found.json")
    found = json.loads((tmp_path / "found.json").read_text())
    assert not found["odd_name"]
    assert found["conflict"] == [str(tmp_path / "train/0001" / names[0])]
    assert found["duplicate"] == [str(tmp_path / "train/0001/z.jpg")]


@pytest.mark.parametrize(
    ("args", "message"), [(["nothing"], "does not exist"), ([".", "--jobs", "0"], "at least 1")]
)
def test_bad_arguments(args, message, capsys):
    assert str(error_of(TOOL, *args)) == "2"
    assert message in capsys.readouterr().err
