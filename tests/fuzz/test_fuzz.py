"""Each target for a moment, and all that was ever found. `make fuzz` takes an hour."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.findings import FINDINGS
from tests.fuzz.inputs import changed, changed_json
from tests.fuzz.odd_inputs import INPUTS
from tests.fuzz.targets import TARGETS, Target, tokenizers

pytest.importorskip("torch")
pytest.importorskip("pydantic")


@pytest.fixture(params=TARGETS)
def target(request: pytest.FixtureRequest) -> Target:
    if request.param in {target.name for target in tokenizers.TARGETS}:
        pytest.importorskip("sentencepiece")
        pytest.importorskip("tokenizers")
    if request.param == "widget":
        pytest.importorskip("anywidget")
    return TARGETS[request.param]


def test_good_inputs_are_read(target: Target) -> None:
    for content in target.seeds():
        target.read(content)


def test_what_was_found_is_refused_now(target: Target) -> None:
    for content in FINDINGS.get(target.name, ()):
        target.check(content)


def test_what_is_made_to_do_harm_is_read_or_refused_and_takes_no_memory(target: Target) -> None:
    inputs = INPUTS.get(target.name, ())
    if inputs:
        target.read(target.seeds()[0])  # what is imported late, and what is made once
    tracemalloc.start()
    try:
        for content in inputs:
            tracemalloc.reset_peak()
            before, _ = tracemalloc.get_traced_memory()
            target.check(content)
            assert tracemalloc.get_traced_memory()[1] - before < 24e6
    finally:
        tracemalloc.stop()


def test_changed_inputs_are_read_or_refused_in_one_line(target: Target) -> None:
    seeds = target.seeds()
    strategy: st.SearchStrategy[bytes] = changed(seeds)

    @given(strategy | changed_json(seeds) if target.is_json else strategy)
    @settings(max_examples=15, suppress_health_check=list(HealthCheck))
    def check(content: bytes) -> None:
        target.check(content)

    check()


def test_findings_are_of_targets() -> None:
    assert FINDINGS.keys() | INPUTS.keys() <= TARGETS.keys()
