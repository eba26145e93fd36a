"""Llama against transformers: logits of random models in odd shapes, in both spellings."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

transformers = pytest.importorskip("transformers")

from tests.pretrained.decoders.checkpoints import (  # noqa: E402
    assert_agree,
    assert_agree_in_both_spellings,
    decoder_sizes,
    random_model,
    rotary_parameters,
    small_model,
)

LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 5e4,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 16,
}
CASES = {
    "plain": {},
    "grouped": {"num_key_value_heads": 2, "num_hidden_layers": 1},
    "one key for all, tied": {"num_key_value_heads": 1, "tie_word_embeddings": True},
    "wide heads": {"head_dim": 10, "num_key_value_heads": 2, "vocab_size": 101},
    "biased": {"attention_bias": True, "mlp_bias": True},
    "biased attention": {"attention_bias": True, "num_hidden_layers": 3},
    "llama 3": {"rope_parameters": LLAMA3, "num_key_value_heads": 2, "head_dim": 16},
    "linear": {"rope_parameters": {"rope_type": "linear", "factor": 4.0, "rope_theta": 300.0}},
    "gelu": {"hidden_act": "gelu", "rms_norm_eps": 1e-2, "pretraining_tp": 2},
}


@pytest.mark.parametrize("case", CASES)
def test_logits(case, tmp_path):
    assert_agree(small_model("Llama", **CASES[case]), tmp_path)


@settings(max_examples=5)
@given(st.data(), decoder_sizes())
def test_any_config(data, sizes):
    config = transformers.LlamaConfig(
        **sizes,
        rope_parameters=data.draw(rotary_parameters()),
        attention_bias=data.draw(st.booleans()),
        mlp_bias=data.draw(st.booleans()),
        hidden_act=data.draw(st.sampled_from(["silu", "gelu", "gelu_pytorch_tanh", "relu"])),
    )
    assert_agree_in_both_spellings(random_model(transformers.LlamaForCausalLM, config))
