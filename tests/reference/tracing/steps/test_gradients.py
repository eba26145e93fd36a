"""The declared rules of the backward pass give the numbers of every gradient."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearhead.config import ACTIVATIONS, TransformerConfig
from clearhead.reference import Trace
from clearhead.reference.backward.feed_forward import activation_derivative
from clearhead.reference.tracing.steps import gradients, kind_of
from tests.reference.backward.passes import backward
from tests.reference.models import wide_configs
from tests.reference.tracing.rules import RuleReader

INPUTS = ("labels", "label_smoothing", "label_weights", "buckets")


def behind_the_forward_pass(trace: Trace) -> list[str]:
    """The paths of the loss and of the backward pass."""
    return trace.paths[trace.paths.index("labels") :]


@settings(max_examples=30)
@given(config=wide_configs(), seed=st.integers(0, 99))
def test_every_number_of_any_backward_pass_is_what_its_rule_says(
    config: TransformerConfig, seed: int
) -> None:
    trace, _, weights = backward(config, seed)
    reader, rng = RuleReader(trace, config, weights), np.random.default_rng(seed)
    for path in behind_the_forward_pass(trace):
        step = trace[path]
        kind = kind_of(path, step.formula)
        assert kind is not None, step
        assert step.axes == kind.axes_of(step.value.ndim)
        assert not kind.of or tuple(name.rpartition(".")[2] for name in step.of) == kind.of
        if step.name in INPUTS:
            assert not kind.rules
            continue
        assert step.of, step
        for _ in range(2):
            index = tuple(int(rng.integers(size)) for size in step.shape)
            ours = reader.value(step, index)
            assert np.isclose(ours, step.value[index], rtol=1e-9, atol=1e-10), (step, index, ours)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_derivatives_of_activations(name: str) -> None:
    kind = gradients.D_GATE.get(name, gradients.D_UP[name])
    (rule,) = kind.rules
    for x in (-3.0, -0.4, 0.2, 1.7):
        numbers = {"np": np, "math": math, "d": 2.0, "u": x, "g": x}
        factor = x if name in gradients.D_GATE else 1.0  # the entry of ``up``, beside the gate
        expected = 2.0 * factor * activation_derivative(name)(np.array([x]))[0]
        assert np.isclose(eval(rule.expression, numbers), expected, rtol=1e-12)


def test_sums_name_as_many_ways_as_they_add() -> None:
    for ways, kind in gradients.D_INPUT.items():
        assert len(kind.rules[0].operands) == ways
        assert f"{ways} ways" in kind.formula
