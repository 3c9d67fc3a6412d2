import pytest

from mmvareid.evaluation.ranking.options import switched_options


def test_off_on_and_given():
    assert switched_options("rerank", False, k1=20) is None
    assert switched_options("rerank", True, k1=20) == {"k1": 20}
    assert switched_options("rerank", {"k1": 3}, k1=20, k2=6) == {"k1": 3, "k2": 6}


@pytest.mark.parametrize("switch", [None, 1, "yes", [("k1", 3)]])
def test_another_switch_is_told(switch):
    with pytest.raises(ValueError, match="rerank has to be True, False or a dict, but got"):
        switched_options("rerank", switch, k1=20)


def test_an_unknown_option_is_told():
    with pytest.raises(ValueError, match=r"rerank has to be of \['k1'\], but got \['k3'\]"):
        switched_options("rerank", {"k3": 1}, k1=20)
