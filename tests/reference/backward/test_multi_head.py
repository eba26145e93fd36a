"""Multi-head attention on the way back: every weight, and both sequences, by finite differences."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.config_parts import AttentionConfig
from clearhead.reference import OFF, MultiHeadAttention, finite_differences, rotary_angles
from clearhead.reference.backward.multi_head import Reading, Turn, through_multi_head
from clearhead.reference.backward.scope import Scope, Tape
from tests.reference.models import small_config


@pytest.mark.parametrize("cross", [False, True])
def test_weights_and_inputs(cross: bool) -> None:
    rng = np.random.default_rng(0)
    config = small_config(
        d_model=4,
        num_heads=2,
        num_kv_heads=1,
        attention=AttentionConfig(head_dim=4, head_norm=True),
    )
    shapes = {"query": (8, 4), "key": (4, 4), "value": (4, 4), "output": (4, 8)}
    weights = {f"layer.{name}.weight": rng.normal(size=shape) for name, shape in shapes.items()}
    weights |= {f"layer.{name}.bias": rng.normal(size=s[0]) for name, s in shapes.items()}
    weights |= {f"layer.{name}_norm.weight": rng.normal(size=4) for name in ("query", "key")}
    x, memory = rng.normal(size=(1, 3, 4)), rng.normal(size=(1, 2, 4))
    d = rng.normal(size=x.shape)
    rotation = None if cross else rotary_angles(3, 4)

    def output(weights: dict, x: np.ndarray, memory: np.ndarray, tape: Tape) -> np.ndarray:
        layer = MultiHeadAttention(weights, "layer", num_heads=2, num_kv_heads=1, cross=cross)
        scope = tape.at("layer")
        if cross:
            return layer.cross_attention(x, layer.memory(memory, trace=scope), trace=scope)
        return layer.self_attention(x, rotation=rotation, causal=True, trace=scope)

    def loss(weights: dict, x: np.ndarray, memory: np.ndarray) -> float:
        return float((output(weights, x, memory, Tape()) * d).sum())

    tape = Tape()
    output(weights, x, memory, tape)
    scope = Scope(tape, weights, OFF).at("layer")
    later = Reading(np.ones_like(memory), "later")
    ours = through_multi_head(
        scope,
        d,
        config,
        Reading(x, "x"),
        memory=Reading(memory, "memory") if cross else None,
        later=later if cross else None,
        turn=Turn(rotation, (False, "", "none")),
    )
    close = {"rtol": 0, "atol": 1e-7}
    by_x = finite_differences(lambda each: loss(weights, each, memory), x)
    np.testing.assert_allclose(ours.input, by_x, **close)
    if cross:
        by_memory = finite_differences(lambda each: loss(weights, x, each), memory)
        np.testing.assert_allclose(ours.memory - later.value, by_memory, **close)
    else:
        assert ours.memory is None
    assert scope.gradients.keys() == weights.keys()
    for name, weight in weights.items():
        theirs = finite_differences(
            lambda each, name=name: loss({**weights, name: each}, x, memory), weight
        )
        np.testing.assert_allclose(scope.gradients[name], theirs, err_msg=name, **close)
