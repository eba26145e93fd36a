"""A tape keeps what a forward pass computed, even where it went on in place."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.errors import TraceError
from clearhead.reference import Trace, attention
from clearhead.reference.backward.scope import Scope, Tape
from clearhead.reference.tracing.step_kind import StepKind

STEP = StepKind("step", "x")
D_WEIGHT = StepKind("d_weight", "dy x")


def test_a_tape_keeps_copies_and_hands_on() -> None:
    trace, value = Trace(), np.ones(2)
    tape = Tape(trace)
    assert tape.at("a").at("b").record(STEP, value) is value
    value += 1
    assert tape.at("a.b")["step"].tolist() == [1, 1]
    assert "a.b.step" in tape
    assert tape.at("a").visited("b.step")
    assert not tape.visited("step")
    assert trace.paths == ["a.b.step"]


def test_a_tape_has_the_steps_that_attention_writes_over() -> None:
    tape, x = Tape(), np.eye(3)
    attention(x, x, x, trace=tape)
    np.testing.assert_allclose(tape["scores"], np.eye(3))
    np.testing.assert_allclose(tape["scaled"], np.eye(3) / np.sqrt(3))


def test_a_replaced_value_is_refused() -> None:
    tape = Tape(Trace(replace={"a.step": lambda x: x + 1}))
    with pytest.raises(TraceError, match=r"'a.step' was replaced .* Replace gradients instead"):
        tape.at("a").record(STEP, np.ones(2))


def test_a_scope_finds_values_and_weights_and_keeps_gradients() -> None:
    tape, trace = Tape(), Trace()
    tape.at("layer").record(STEP, np.ones(2))
    scope = Scope(tape, {"layer.weight": np.zeros(2)}, trace)
    layer = scope.at("layer")
    assert layer["step"].tolist() == [1, 1]
    assert "step" in layer
    assert "step" not in scope
    assert layer.weight().tolist() == [0, 0]
    assert not layer.has_weight("bias")
    layer.record_weight(D_WEIGHT, np.full(2, 3.0))
    assert scope.gradients["layer.weight"].tolist() == [3, 3]
    assert trace["layer.d_weight"].formula == "dy x"
