"""Gemma 2 against transformers: logits of random models in odd shapes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

transformers = pytest.importorskip("transformers")

from tests.pretrained.decoders.checkpoints import (  # noqa: E402
    assert_agree,
    assert_agree_in_both_spellings,
    decoder_sizes,
    layer_types,
    random_model,
    rotary_parameters,
    small_model,
)

CASES = {
    "every other layer local": {
        "head_dim": 8,
        "sliding_window": 4,
        "query_pre_attn_scalar": 6,
        "num_hidden_layers": 3,
    },
    "strong softcaps": {
        "head_dim": 10,
        "query_pre_attn_scalar": 10,
        "attn_logit_softcapping": 1.5,
        "final_logit_softcapping": 2.0,
        "sliding_window": 5,
    },
    "no softcaps": {
        "head_dim": 6,
        "attn_logit_softcapping": None,
        "final_logit_softcapping": None,
        "tie_word_embeddings": False,
    },
    "layers by type, biased": {
        "head_dim": 6,
        "attention_bias": True,
        "sliding_window": 2,
        "num_hidden_layers": 3,
        "layer_types": ["full_attention", "sliding_attention", "sliding_attention"],
        "hidden_activation": "silu",
        "rms_norm_eps": 0.1,
    },
}


@pytest.mark.parametrize("case", CASES)
def test_logits(case, tmp_path):
    assert_agree(small_model("Gemma2", **CASES[case]), tmp_path)


@settings(max_examples=5)
@given(st.data(), decoder_sizes())
def test_any_config(data, sizes):
    config = transformers.Gemma2Config(
        **sizes,
        rope_parameters=data.draw(rotary_parameters()),
        layer_types=data.draw(st.none() | layer_types(sizes["num_hidden_layers"])),
        sliding_window=data.draw(st.integers(1, 12)),
        attention_bias=data.draw(st.booleans()),
        query_pre_attn_scalar=data.draw(st.integers(1, 300)),
        attn_logit_softcapping=data.draw(st.none() | st.floats(1, 60)),
        final_logit_softcapping=data.draw(st.none() | st.floats(1, 40)),
        hidden_activation=data.draw(st.sampled_from(["gelu_pytorch_tanh", "silu", "gelu"])),
    )
    assert_agree_in_both_spellings(random_model(transformers.Gemma2ForCausalLM, config))
