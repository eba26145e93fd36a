"""A watcher that changes steps."""

from __future__ import annotations

import numpy as np

from clearhead.reference.tracing.editor import Editor
from clearhead.reference.tracing.step_kind import StepKind
from clearhead.reference.tracing.trace import OFF, Trace

KIND = StepKind("weights", "formula")


def double(value, position):
    return 2 * value


def test_what_watches_beside_it_sees_the_changed_values():
    trace = Trace()
    editor = Editor({"layer.weights": [double, double]}, watcher=trace)
    np.testing.assert_array_equal(editor.at("layer").record(KIND, np.ones(2)), [4, 4])
    np.testing.assert_array_equal(editor.at("other").record(KIND, np.ones(2)), [1, 1])
    assert trace["layer.weights"].replaced
    assert not trace["other.weights"].replaced
    np.testing.assert_array_equal(trace["layer.weights"].value, [4, 4])
    assert editor.at("layer").visited("weights")
    assert not editor.at("layer").visited("scores")


def test_each_change_is_told_the_position():
    positions = []
    editor = Editor({"weights": [lambda value, position: positions.append(position) or value]}, 3)
    editor.record(KIND, np.ones(2))
    assert positions == [3]


def test_it_costs_nothing_where_nothing_is_changed():
    editor = Editor({"a.b.weights": [double]})
    assert editor.at("c") is OFF
    assert editor.at("a").at("b.c") is OFF
    assert editor.at("a.b").asks("weights")
    assert not editor.at("a.b").asks("contributions")


def test_keys_are_offered_once_where_a_cache_has_joined_them():
    self_attention = Editor({"layer.self_attention.key": [double]}).at("layer.self_attention")
    assert not self_attention.visited("key")
    self_attention.record(StepKind("key", "formula"), np.ones(2))
    assert self_attention.visited("key")
    cross = Editor({"layer.cross_attention.key": [double]}).at("layer.cross_attention")
    assert cross.visited("key")
