"""The calls of a recording by module, and what they add up to."""

from __future__ import annotations

import torch

from clearhead.maps.attention_map import AttentionMap
from clearhead.maps.recording.calls import FinishedCall, Refusal
from clearhead.maps.recording.contents import Contents


def make_call(length):
    tensor = torch.randn(1, 1, length, 4)
    return FinishedCall(AttentionMap.of(tensor, tensor))


def test_calls_are_appended_to_those_of_their_module():
    contents, call = Contents("Model"), make_call(2)
    contents.of_module("b").append(call)
    contents.of_module("a").append(Refusal("no reason", "kernel"))
    contents.of_module("b").append(make_call(3))
    assert list(contents.calls) == ["b", "a"]
    assert contents.of_module("b")[0] is call
    assert [len(calls) for calls in contents.calls.values()] == [2, 1]


def test_the_first_refusal_of_a_module_is_its_refusal():
    first, second = Refusal("first", "kernel"), Refusal("second", "kernel")
    contents = Contents(calls={"a": [make_call(2), first, second], "b": [make_call(2)]})
    assert contents.refusals() == {"a": first}


def test_memory_is_that_of_all_calls():
    contents = Contents(calls={"a": [make_call(2), Refusal("", "")], "b": [make_call(3)]})
    assert contents.nbytes == 2 * 4 * 4 * (2 + 3)  # queries and keys of 4 float32 each
    assert Contents().nbytes == 0
