"""A short run of what ``tests/fuzz.py`` does at length."""

import pytest
from fuzz_targets import TARGETS, accepts
from hypothesis import HealthCheck, given, settings


@pytest.mark.parametrize("name", TARGETS)
def test_only_declared_errors_come_out(name, tmp_path):
    @settings(max_examples=60, suppress_health_check=list(HealthCheck))
    @given(TARGETS[name].inputs)
    def run(value):
        accepts(TARGETS[name], tmp_path / "input", value)

    run()
