import pytest
import torch
from mmengine.model import BaseModel
from torch import nn

from mmvareid.fileio.weights import match_weights, weights_in


class _Model(BaseModel):
    def __init__(self, width=3):
        super().__init__()
        self.neck = nn.Linear(2, width)
        self.head = nn.Linear(width, 5)

    def forward(self, inputs):
        return inputs


def test_weights_that_are_missing_or_of_another_shape_are_refused():
    wrapped = nn.Module()
    wrapped.module = _Model()
    good = {"state_dict": _Model().state_dict()}
    assert match_weights(wrapped, good, "a.pth").keys() == good["state_dict"].keys()
    lacking = {name: value for name, value in _Model().state_dict().items() if "head" not in name}
    with pytest.raises(ValueError, match="a.pth has to have all .* lacks 2 such as head.weight"):
        match_weights(wrapped, {"state_dict": lacking}, "a.pth")
    found = match_weights(wrapped, lacking, "a.pth", but_for="head.")
    assert found.keys() == {"neck.weight", "neck.bias"}
    with pytest.raises(ValueError, match=r"has neck.weight \(4, 2\), not \(3, 2\); is it of anoth"):
        match_weights(wrapped, _Model(4).state_dict(), "a.pth", but_for="head.")


@pytest.mark.parametrize("content", [None, {}, {"state_dict": {}}, {"state_dict": {"w": 1}}, [1]])
def test_what_holds_no_weights(content):
    with pytest.raises(ValueError, match="the checkpoint a.pth has to hold weights by name"):
        weights_in(content, "a.pth")


def test_weights_with_and_without_a_state_dict_around_them():
    weights = {"w": torch.ones(1)}
    assert weights_in({"state_dict": weights, "meta": 1}, "a") is weights
    assert weights_in(weights, "a") is weights
