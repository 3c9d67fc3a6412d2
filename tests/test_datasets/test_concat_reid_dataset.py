import shutil

import pytest

from mmvareid.datasets import ConcatReIDDataset, IdentitySampler, Market1501, dataset_infos
from mmvareid.registry import DATASETS


@pytest.fixture
def two_roots(market_root, tmp_path):
    """Two sets of the same people's numbers, the second without person 2."""
    other = tmp_path / "other"
    shutil.copytree(market_root, other)
    for path in (other / "bounding_box_train").glob("0002*"):
        path.unlink()
    return market_root, other


def config(*roots, split="train", **more):
    parts = [dict(type="mmvareid.ReIDDataset", data_root=str(root), split=split) for root in roots]
    return dict(type="mmvareid.ConcatReIDDataset", datasets=parts, **more)


def test_nobody_shares_a_label_or_a_camera(two_roots, log):
    joined = DATASETS.build(config(*two_roots))
    first, second = (Market1501(root) for root in two_roots)
    infos = dataset_infos(joined)
    assert len(infos) == len(first) + len(second) == 13 + 7
    labels = [{info["gt_label"] for info in infos if info["set_index"] == i} for i in (0, 1)]
    assert labels == [{0, 1, 2}, {3, 4}]
    cameras = [{info["camera_id"] for info in infos if info["set_index"] == i} for i in (0, 1)]
    people = [{info["person_id"] for info in infos if info["set_index"] == i} for i in (0, 1)]
    assert not cameras[0] & cameras[1] and not people[0] & people[1]
    assert len(people[1]) == 2 and len(cameras[1]) == 3
    # What is not numbered by a set stays as it was.
    for key in ("img_path", "viewpoint", "is_query"):
        assert [info[key] for info in infos] == [
            info[key] for part in (first, second) for info in dataset_infos(part)
        ]
    said = next(line for line in log if "ConcatReIDDataset: " in line)
    assert "20 images of 5 people, which is the head's num_classes" in said
    assert f"13 images of ReIDDataset '{two_roots[0]}', gt_label 0 to 2, camera_id 1 to 3" in said
    assert f"7 images of ReIDDataset '{two_roots[1]}', gt_label 3 to 4, camera_id 5 to 7" in said


def test_images_and_batches_of_joined_sets(two_roots):
    joined = ConcatReIDDataset(
        [Market1501(root) for root in two_roots], pipeline=[dict(type="LoadImageFromFile")]
    )
    assert joined[19]["img"].shape == (16, 8, 3) and joined[19]["gt_label"] == 4
    order = list(IdentitySampler(joined, num_identities=5, num_instances=3, seed=0))
    assert {joined.get_data_info(i)["gt_label"] for i in order[:15]} == {0, 1, 2, 3, 4}


def test_junk_stays_junk_and_distractors_match_nobody(two_roots):
    joined = DATASETS.build(config(*two_roots, split="test"))
    infos = dataset_infos(joined)
    people = [{info["person_id"] for info in infos if info["set_index"] == i} for i in (0, 1)]
    assert not people[0] & people[1]
    data = [dict(img_path="a", gt_label=0, person_id=-1), dict(img_path="b", gt_label=0)]
    parts = [Rows(data[:1]), Rows(data[1:]), Rows([dict(img_path="c", gt_label=0, person_id=-1)])]
    found = dataset_infos(ConcatReIDDataset(parts))
    assert [info.get("person_id") for info in found] == [-1, None, -1]
    assert [info["gt_label"] for info in found] == [0, 1, 2]


class Rows:
    def __init__(self, rows):
        self.rows = rows

    def __len__(self):
        return len(self.rows)

    def get_data_info(self, index):
        return self.rows[index]


def test_one_set_left_out(two_roots):
    left = DATASETS.build(config(*two_roots, leave_out=[0]))
    assert len(left) == 7 and {info["gt_label"] for info in dataset_infos(left)} == {0, 1}
    for wrong in ([0, 1], [2]):
        with pytest.raises(ValueError, match=r"leave_out has to leave .* datasets 0 to 1, but got"):
            DATASETS.build(config(*two_roots, leave_out=wrong))


def test_what_cannot_be_joined(two_roots):
    with pytest.raises(ValueError, match="sets that are joined have to differ, but ReIDDataset"):
        DATASETS.build(config(two_roots[0], two_roots[0]))
    wrong = config(*two_roots)
    wrong["datasets"][1]["pipeline"] = [dict(type="LoadImageFromFile")]
    with pytest.raises(ValueError, match=r"datasets\.1 has to have no pipeline"):
        DATASETS.build(wrong)
    soft = dict(source="yaw", num_views=8, all_round=True)
    part = Market1501(two_roots[0])
    part.soft_viewpoints = soft
    with pytest.raises(ValueError, match="MirrorViewpoint"):
        ConcatReIDDataset([part], pipeline=[dict(type="RandomFlip", prob=0.5)])
