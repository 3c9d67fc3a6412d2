import numpy as np

from mmvareid.datasets import ReIDDataset, dataset_infos
from mmvareid.datasets.infos import queries_with_match


def test_infos_are_those_of_each_image(market_root):
    dataset = ReIDDataset(market_root, split="test", serialize_data=False)
    infos = dataset_infos(dataset)
    assert len(infos) == len(dataset)
    assert [info["img_path"] for info in infos] == [info["img_path"] for info in dataset.data_list]
    assert {"gt_label", "person_id", "camera_id", "viewpoint", "is_query"} <= infos[0].keys()


def test_a_match_is_the_person_in_another_camera_and_no_junk():
    rows = [
        (1, 1, True),  # in another camera
        (2, 1, True),  # in its own camera alone
        (3, 1, True),  # a query too, which is no gallery
        (-1, 1, True),  # junk matches nothing
        (1, 2, False),
        (2, 1, False),
        (3, 2, True),
        (-1, 2, False),
    ]
    keys = ("person_id", "camera_id", "is_query")
    infos = [dict(zip(keys, row, strict=True)) for row in rows]
    found = queries_with_match(infos)
    assert found.dtype == bool
    np.testing.assert_array_equal(found, [True, False, False, False, False])
    assert queries_with_match(infos[4:6]).shape == (0,)
