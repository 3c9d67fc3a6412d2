import numpy as np
import pytest

from mmvareid.datasets import ViewpointImages, make_synthetic


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    root = tmp_path_factory.mktemp("people") / "set"
    make_synthetic(root, num_ids=12, images_per_id=10, num_distractors=0, num_junk=0, seed=0)
    return dict(type="mmvareid.SyntheticPeople", data_root=str(root), viewpoint_file="auto")


def infos(dataset):
    return [dataset.get_data_info(i) for i in range(len(dataset))]


def person(info):
    return info["img_path"].rsplit("/", 1)[1][:4]


def test_learners_and_others_share_no_person(people):
    labelled = infos(ViewpointImages(people, num_images=20))
    others = infos(ViewpointImages(people, part="others"))
    assert len(labelled) == 20 and len(others) == 30
    assert {person(i) for i in labelled}.isdisjoint(person(i) for i in others)
    assert len({i["img_path"] for i in labelled}) == 20
    assert {i["gt_label"] for i in labelled} == {0, 1, 2}
    again = infos(ViewpointImages(people, num_images=20))
    assert [i["img_path"] for i in again] == [i["img_path"] for i in labelled]
    other = infos(ViewpointImages(people, num_images=20, seed=1))
    assert {i["img_path"] for i in other} != {i["img_path"] for i in labelled}


def test_labels_are_the_viewpoints_and_unknown_ones_are_left_out(people, tmp_path):
    rows = infos(ViewpointImages(people, part="others"))
    names = [info["img_path"].rsplit("/", 1)[1] for info in rows]
    path = tmp_path / "some.csv"
    text = "".join(f"{name},{-1 if i < 5 else 2}\n" for i, name in enumerate(names))
    path.write_text("filename,viewpoint\n" + text)
    found = infos(ViewpointImages({**people, "viewpoint_file": str(path)}, num_images=1))
    found += infos(ViewpointImages({**people, "viewpoint_file": str(path)}, part="others"))
    assert {info["gt_label"] for info in found} == {2}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(num_images=31), "num_images has to be at most 30"),
        (dict(part="test"), "part has to be one of"),
    ],
)
def test_bad_options(people, options, message):
    with pytest.raises(ValueError, match=message):
        ViewpointImages(people, **options)


def test_its_class_names_are_the_views(people):
    dataset = ViewpointImages(people, num_images=4)
    assert dataset.metainfo["classes"] == ("front", "side", "back")
    np.testing.assert_array_equal(dataset.get_gt_labels().shape, (4,))
