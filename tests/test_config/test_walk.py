import pytest
from mmengine.config import Config

from mmvareid.config.walk import entries, kind

CONFIG = {"a": [dict(type="x.A", b=1), (2, {})], "c": dict(d=dict(type="D"))}


@pytest.mark.parametrize("config", [CONFIG, Config(CONFIG)])
def test_all_is_met_each_before_what_is_below_it(config):
    found = [*entries(config)]
    assert [entry.place for entry in found] == [
        *("a", "a.0", "a.0.type", "a.0.b", "a.1", "a.1.0", "a.1.1", "c", "c.d", "c.d.type")
    ]
    assert [entry.name for entry in found[:4]] == ["a", "0", "type", "b"]
    assert [entry.value for entry in found if entry.name in ("b", "type")] == ["x.A", 1, "D"]


def test_kinds():
    assert [kind(entry.value) for entry in entries(CONFIG) if kind(entry.value)] == ["A", "D"]
    assert kind(dict(type=Config)) == "Config"
    assert kind(dict(type=3)) == "3"
    assert kind([]) == kind("a") == kind({}) == ""
