"""Norms and rotations of heads, against the attention of Qwen 3."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from clearhead.reference.layers.multi_head import MultiHeadAttention
from clearhead.reference.rotary import rotary_angles
from clearhead.reference.tracing.trace import Trace
from tests.reference.exact_transformers import arrays, double_throughout, randomize


@pytest.mark.slow  # to import transformers takes seconds
def test_norms_of_heads_before_the_rotation_are_those_of_qwen_3():
    from transformers import Qwen3Config
    from transformers.models.qwen3.modeling_qwen3 import Qwen3Attention

    x = np.random.default_rng(0).normal(size=(2, 5, 16))
    angles = rotary_angles(5, 6)
    with double_throughout():
        layer = Qwen3Attention(
            Qwen3Config(
                hidden_size=16, num_attention_heads=4, num_key_value_heads=2, head_dim=6,
                rms_norm_eps=1e-3, attn_implementation="eager", attention_bias=True,
            ), 0,
        )  # fmt: skip
        randomize(layer)
        mask = torch.full((5, 5), -1e30).triu(1)[None, None]
        tables = tuple(torch.from_numpy(np.concatenate([part, part], -1))[None] for part in angles)
        theirs = layer(torch.from_numpy(x), tables, mask)[0].detach().numpy()
    names = {"q_proj": "query", "k_proj": "key", "v_proj": "value", "o_proj": "output",
             "q_norm": "query_norm", "k_norm": "key_norm"}  # fmt: skip
    weights = {}
    for name, array in arrays(layer).items():
        module, kind = name.split(".")
        weights[f"layer.{names[module]}.{kind}"] = array
    ours = MultiHeadAttention(weights, "layer", num_heads=4, num_kv_heads=2, epsilon=1e-3)
    trace = Trace()
    output = ours.self_attention(x, causal=True, rotation=angles, trace=trace)
    np.testing.assert_allclose(output, theirs, atol=1e-11)
    assert trace["query_norm.mean_square"].axes == ("batch", "heads", "length", "head_dim")
    assert trace["query_norm.mean_square"].of == ("query_projected",)
    assert trace["query"].of == ("query_norm.output",)
    assert trace["key_norm.output"].shape == (2, 2, 5, 6)


@pytest.mark.parametrize("cross", [False, True])
def test_without_a_rotation_queries_and_keys_are_what_the_norm_makes_of_them(cross):
    rng = np.random.default_rng(0)
    weights = {f"layer.{name}.weight": rng.standard_normal((8, 8)) for name in
               ("query", "key", "value", "output")}  # fmt: skip
    weights |= {f"layer.{name}_norm.weight": rng.standard_normal(4) for name in ("query", "key")}
    layer, trace = MultiHeadAttention(weights, "layer", num_heads=2, cross=cross), Trace()
    x = rng.standard_normal((1, 3, 8))
    if cross:
        layer.cross_attention(x, layer.memory(x, trace=trace), trace=trace)
    else:
        layer.self_attention(x, trace=trace)
    for name in ("query", "key"):
        heads = (x @ weights[f"layer.{name}.weight"].T).reshape(1, 3, 2, 4).swapaxes(1, 2)
        root = np.sqrt((heads**2).mean(-1, keepdims=True) + 1e-5)
        expected = heads / root * weights[f"layer.{name}_norm.weight"]
        np.testing.assert_allclose(trace[name].value, expected, atol=1e-13)
        assert trace[name].of == (f"{name}_norm.output",)
        assert trace[f"{name}_projected"].of == ()
