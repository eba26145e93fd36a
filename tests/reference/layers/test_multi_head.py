from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from clearhead.errors import ConfigError
from clearhead.reference.layers.multi_head import MultiHeadAttention, multi_head_attention
from clearhead.reference.tracing.trace import Trace


def _weights(d_model: int, narrow: int, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    rows = {"query": d_model, "key": narrow, "value": narrow, "output": d_model}
    weights = {f"{n}.weight": rng.standard_normal((out, d_model)) for n, out in rows.items()}
    return weights | {f"{n}.bias": rng.standard_normal(out) for n, out in rows.items()}


def _torch_layer(weights: dict[str, np.ndarray], heads: int) -> torch.nn.MultiheadAttention:
    layer = torch.nn.MultiheadAttention(
        len(weights["query.weight"]), heads, batch_first=True, dtype=torch.float64
    )
    names = ("query", "key", "value")
    joint = [np.concatenate([weights[f"{n}.{kind}"] for n in names]) for kind in ("weight", "bias")]
    state = [*joint, weights["output.weight"], weights["output.bias"]]
    keys = ("in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias")
    layer.load_state_dict({k: torch.from_numpy(v) for k, v in zip(keys, state, strict=True)})
    return layer.eval()


@given(heads=st.sampled_from([1, 2, 4]), causal=st.booleans(), cross=st.booleans())
def test_it_agrees_with_torch(heads, causal, cross):
    rng = np.random.default_rng(heads)
    weights = _weights(8, 8)
    x, memory = rng.standard_normal((2, 5, 8)), rng.standard_normal((2, 7, 8))
    ours = multi_head_attention(
        x, memory if cross else None, weights=weights, num_heads=heads, causal=causal
    )
    t = torch.from_numpy
    other = t(memory if cross else x)
    hidden = ~torch.ones(5, other.shape[1], dtype=torch.bool).tril() if causal else None
    theirs, _ = _torch_layer(weights, heads)(t(x), other, other, attn_mask=hidden)
    np.testing.assert_allclose(ours, theirs.detach(), atol=1e-11)


def test_grouped_heads_are_repeated_heads():
    weights = _weights(8, 4)
    x = np.random.default_rng(1).standard_normal((2, 5, 8))
    grouped = multi_head_attention(x, weights=weights, num_heads=4, num_kv_heads=2)
    for name in ("key", "value"):
        for kind in ("weight", "bias"):
            array = weights[f"{name}.{kind}"].reshape(2, 2, -1)
            repeated = array.repeat(2, axis=0)
            weights[f"{name}.{kind}"] = repeated.reshape((8, 8) if kind == "weight" else (8,))
    whole = multi_head_attention(x, weights=weights, num_heads=4)
    np.testing.assert_allclose(grouped, whole, atol=1e-12)


def test_every_intermediate_is_a_step():
    trace = Trace()
    x = np.random.default_rng(1).standard_normal((2, 5, 8))
    multi_head_attention(x, weights=_weights(8, 8), num_heads=2, trace=trace)
    assert trace.paths == [
        *("value", "query", "key", "scores", "scaled", "masked", "weights", "output"),
        *("concatenated", "projected"),
    ]
    assert trace["weights"].shape == (2, 2, 5, 5)


def test_a_head_without_weight_takes_its_part_away():
    weights = _weights(8, 8)
    x = np.random.default_rng(1).standard_normal((2, 5, 8))

    def ablate(output):
        output[:, 1] = 0
        return output

    trace = Trace(replace={"output": ablate})
    ours = multi_head_attention(x, weights=weights, num_heads=2, trace=trace)
    weights["output.weight"] = weights["output.weight"].copy()
    weights["output.weight"][:, 4:] = 0
    expected = multi_head_attention(x, weights=weights, num_heads=2)
    np.testing.assert_allclose(ours, expected, atol=1e-12)


def test_only_a_cross_layer_has_a_memory():
    weights = {f"a.{name}": array for name, array in _weights(8, 8).items()}
    layer = MultiHeadAttention(weights, "a", num_heads=2)
    with pytest.raises(ConfigError, match="cross=True"):
        layer.memory(np.ones((1, 2, 8)))
