"""The declared rules of norms and activations compute what PyTorch computes."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
import torch

from clearhead.config import ACTIVATIONS
from clearhead.reference.tracing.step_kind import Rule
from clearhead.reference.tracing.steps import layers

FUNCTIONS = {
    "relu": torch.relu,
    "gelu": torch.nn.functional.gelu,
    "gelu_tanh": partial(torch.nn.functional.gelu, approximate="tanh"),
    "silu": torch.nn.functional.silu,
    "swiglu": torch.nn.functional.silu,
    "geglu_tanh": partial(torch.nn.functional.gelu, approximate="tanh"),
    "geglu": torch.nn.functional.gelu,
    "reglu": torch.relu,
}


def value(rule: Rule, **operands: object) -> float:
    assert {operand.symbol for operand in rule.operands} == operands.keys()
    return float(eval(rule.expression, {"np": np, "math": math}, operands))


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("x", [-2.5, -0.1, 0.0, 0.3, 4.0])
def test_activations(activation: str, x: float) -> None:
    (rule,) = layers.HIDDEN[activation].rules
    y = float(FUNCTIONS[activation](torch.tensor(x, dtype=torch.float64)))
    if layers.HIDDEN[activation].of == ("up",):
        assert value(rule, u=x) == pytest.approx(y, abs=1e-12)
    else:
        assert value(rule, g=x, u=-3.0) == pytest.approx(-3.0 * y, abs=1e-12)


def test_norms() -> None:
    x = np.array([1.0, 2.0, 4.0, 9.0])
    mean = value(layers.MEAN.rules[0], x=x)
    variance = value(layers.VARIANCE.rules[0], x=x, mean=mean)
    mean_square = value(layers.MEAN_SQUARE.rules[0], x=x)
    assert (mean, variance, mean_square) == (4, 9.5, 25.5)
    tensor = torch.from_numpy(x)
    normalized = value(layers.NORMALIZED.rules[0], x=9.0, mean=mean, variance=variance, epsilon=0.5)
    theirs = torch.nn.functional.layer_norm(tensor, (4,), eps=0.5)
    assert normalized == pytest.approx(float(theirs[3]), abs=1e-12)
    by_root = value(layers.RMS_NORMALIZED.rules[0], x=9.0, mean_square=mean_square, epsilon=0.5)
    assert by_root == pytest.approx(float(torch.nn.functional.rms_norm(tensor, (4,), eps=0.5)[3]))


@pytest.mark.parametrize(("weight", "bias", "expected"), [(True, False, 6), (True, True, 6.5)])
def test_a_norms_output_is_scaled_and_shifted(weight: bool, bias: bool, expected: float) -> None:
    operands = {"n": 2.0, "w": 3.0} | ({"b": 0.5} if bias else {})
    assert value(layers.NORM_OUTPUT[weight, bias].rules[0], **operands) == expected


@pytest.mark.parametrize("sublayer", ["self_attention", "cross_attention", "feed_forward"])
def test_a_residual_is_a_sum(sublayer: str) -> None:
    kind = layers.RESIDUAL[sublayer]
    assert kind.name == f"{sublayer}_residual"
    assert value(kind.rules[0], x=1.0, y=0.25) == 1.25
