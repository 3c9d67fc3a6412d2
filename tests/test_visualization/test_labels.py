from pathlib import Path

import pytest
from matplotlib.figure import Figure

from mmvareid.visualization import model_labels, path_labels
from mmvareid.visualization.figure_rgb import figure_rgb
from mmvareid.visualization.labels import plain


@pytest.mark.parametrize(
    ("paths", "labels"),
    [
        (["a/x.json"], ["x"]),
        (["a/x.json", "a/y.json"], ["x", "y"]),
        (["a/x.json", "b/x.json"], ["a", "b"]),
        (["runs/va/seed0/run", "runs/ly/seed0/run"], ["va", "ly"]),
        (["va/seed0", "va/seed1", "ly/seed0"], ["va/seed0", "va/seed1", "ly/seed0"]),
        (["x.json", "a/x.json"], ["x.json", "a/x.json"]),
        (["v1.0", "v1.1"], ["v1.0", "v1.1"]),
    ],
)
def test_labels_are_the_shortest_that_differ(paths, labels):
    assert path_labels([*map(Path, paths)]) == labels


def test_models_are_called_after_config_and_where_that_is_the_same_checkpoint():
    assert model_labels([("c/ly.py", "e.pth"), ("c/va.py", "e.pth")]) == ["ly", "va"]
    assert model_labels([("va.py", "a/e8.pth"), ("va.py", "a/e9.pth")]) == ["va e8", "va e9"]
    assert model_labels([("va.py", "a/e8.pth"), ("va.py", "b/e8.pth")]) == ["va a", "va b"]
    assert model_labels([("va.py", "e.pth")], ["ours"]) == ["ours"]


@pytest.mark.parametrize("labels", [["a"], ["a", "a"], ["a", "b", "c"]])
def test_labels_have_to_differ_one_each(labels):
    for make, given in ((path_labels, [Path("x"), Path("y")]), (model_labels, [("x", "1")] * 2)):
        with pytest.raises(ValueError, match="labels has to hold 2 names that differ, but got"):
            make(given, labels)


def test_the_same_twice_needs_labels():
    with pytest.raises(ValueError, match="got .'x', 'x'.; give --labels"):
        path_labels([Path("x"), Path("x")])


def test_dollars_of_a_name_are_no_formula():
    figure = Figure()
    figure.text(0, 0, plain("x_$y_{$"))
    assert figure_rgb(figure).min() == 0
