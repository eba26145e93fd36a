"""A recording answers by the names of modules, by numbers and by calls."""

from __future__ import annotations

import pytest
import torch

from clearhead.errors import TraceError
from clearhead.maps.attention_map import AttentionMap
from clearhead.maps.recorder.record import record
from clearhead.maps.recording.calls import FinishedCall, Refusal
from clearhead.maps.recording.contents import Contents
from clearhead.maps.recording.recording import Recording
from tests.maps.attending import recorded
from tests.maps.recorder.layers import Model, X


def test_names_that_were_not_recorded_are_an_error():
    model = Model()
    recording = recorded(model, lambda: model(X))
    with pytest.raises(TraceError, match=r"under 'layers.9'. Did you mean 'layers"):
        recording["layers.9"]
    with pytest.raises(TraceError, match="has 3 attending modules; there is none at 7"):
        recording[7]


def test_several_calls_of_a_module_have_a_map_each():
    model = Model(1)
    with record(model) as recording:
        model(X)
        model(X[:, :3])
    with pytest.raises(TraceError, match=r"'layers.0' was called 2 times.*calls\('layers.0'\)"):
        recording["layers.0"]
    assert [one.shape[2] for one in recording.calls("layers.0")] == [5, 3]
    assert recording["layers.0", 1].source.call == 1
    assert recording["layers.0", -1].shape == (2, 2, 3, 3)
    assert recording.count_calls(0) == 2


def test_rollout_flow_and_the_overview_are_methods_of_a_recording():
    from clearhead.maps import rollout

    model = Model(2)
    recording = recorded(model, lambda: model(X))
    assert torch.equal(recording.rollout([4]), rollout.rollout(recording, [4]))
    assert torch.equal(recording.flow_to(4), rollout.flow_to(recording, 4))
    pytest.importorskip("matplotlib")
    assert recording.plot() is not None


def make_recording():
    tensor = torch.randn(1, 1, 2, 4)
    first, second = (FinishedCall(AttentionMap.of(tensor, tensor)) for _ in range(2))
    refusal = Refusal("no softmax was seen", "mine")
    calls = {"b": [first], "a": [second, refusal]}
    return Recording(Contents("Model", ["a note"], calls)), first.map(), second.map()


def test_it_is_a_mapping_in_the_order_of_first_calls():
    recording, first, _ = make_recording()
    assert (recording.model, recording.notes) == ("Model", ["a note"])
    assert recording.keys() == list(recording) == ["b", "a"]
    assert len(recording) == 2
    assert "a" in recording
    assert "c" not in recording
    assert recording["b"] is recording[0] is recording[-2] is recording["b", 0] is first
    assert recording.nbytes == 2 * 2 * 2 * 4 * 4  # two maps, of queries and keys in float32


def test_values_and_items_go_with_the_names():
    tensor = torch.randn(1, 1, 2, 4)
    maps = {name: AttentionMap.of(tensor, tensor) for name in ("b", "a")}
    calls = {name: [FinishedCall(one)] for name, one in maps.items()}
    recording = Recording(Contents(calls=calls))
    assert recording.items() == list(maps.items())
    assert recording.values() == list(maps.values())


def test_a_refused_call_counts_and_is_an_error_when_its_map_is_wanted():
    recording, _, second = make_recording()
    assert recording.count_calls("a") == 2
    assert recording["a", 0] is second
    assert list(recording.refusals) == ["a"]
    words = r"The attention of 'a' \(computed by mine\) cannot be read exactly: no softmax was seen"
    for ask in (lambda: recording["a", 1], lambda: recording["a", -1], lambda: recording.calls(1)):
        with pytest.raises(TraceError, match=words):
            ask()
    with pytest.raises(IndexError):
        recording["a", 2]


def test_an_empty_recording_says_that_it_is():
    with pytest.raises(TraceError, match="Recorded were: no attention at all"):
        Recording(Contents())["a"]
