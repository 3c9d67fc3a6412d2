"""Training on a folder with 1 % broken images goes on, and says how many there are."""

import pytest
from small_run import SMALL, SYNTHETIC, run

from mmvareid.datasets import make_synthetic


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """100 training images of which one is cut off; returns the folder and its name."""
    root = tmp_path_factory.mktemp("people") / "set"
    make_synthetic(root, num_ids=8, images_per_id=25, num_distractors=0, num_junk=0, seed=0)
    path = sorted((root / "bounding_box_train").iterdir())[30]
    path.write_bytes(path.read_bytes()[:200])
    return root, path.name


def test_one_in_a_hundred(broken, tmp_path):
    root, name = broken
    options = [*SMALL, f"data_root={root}", "num_classes=4", "train_dataloader.num_workers=2",
               "train_cfg.max_epochs=2"]  # fmt: skip
    printed = run(
        "dist_train.sh", SYNTHETIC, 2, "--work-dir", tmp_path, "--no-validate",
        options=options, env={"MASTER_PORT": "29531"},
    )  # fmt: skip
    assert (tmp_path / "epoch_2.pth").is_file()
    told = [line for line in printed.splitlines() if "of 100 training images" in line]
    assert len(told) == 1 and "1 of 100" in told[0] and name in told[0]
