"""Layers of one name but for their numbers are a stack, with short labels."""

from __future__ import annotations

from clearhead.surveys.stacks import labels_of, pattern_of, stacks_of
from clearhead.surveys.statistics import HeadStatistics
from tests.surveys.readings import text_readings


def test_layers_of_a_stack_have_short_labels_and_calls_their_numbers():
    (stack,) = stacks_of(HeadStatistics.of("ab", text_readings(0, 12)))
    assert (stack.pattern, stack.attention) == ("layers.*", "self")
    assert [layer.label for layer in stack.layers] == ["0", "1.0", "1.1"]
    titles = [layer.title for layer in stack.layers]
    assert titles == ["layers.0", "layers.1 call 0", "layers.1 call 1"]


def test_labels_are_the_numbers_that_differ():
    assert labels_of([("h.0.b.1", None), ("h.0.b.2", None)]) == ["1", "2"]
    assert labels_of([("attention", None)]) == ["0"]
    assert pattern_of("h.10.attn") == "h.*.attn"
