"""GPT-2 against transformers: logits of random models in odd shapes."""

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
    small_model,
)

CASES = {
    "plain": {},
    "narrow": {"n_inner": 10, "n_head": 3, "n_layer": 5, "vocab_size": 101},
    "untied": {"tie_word_embeddings": False, "activation_function": "relu"},
    "exact gelu": {"activation_function": "gelu", "layer_norm_epsilon": 0.1},
    "not scaled": {"scale_attn_weights": False, "activation_function": "silu", "n_head": 1},
    "scaled by layer": {"scale_attn_by_inverse_layer_idx": True, "n_layer": 3},
    "by layer alone": {"scale_attn_weights": False, "scale_attn_by_inverse_layer_idx": True},
}


@pytest.mark.parametrize("case", CASES)
def test_logits(case, tmp_path):
    assert_agree(small_model("GPT2", **CASES[case]), tmp_path)


@settings(max_examples=5)
@given(st.data(), decoder_sizes())
def test_any_config(data, sizes):
    config = transformers.GPT2Config(
        vocab_size=sizes["vocab_size"],
        n_embd=sizes["hidden_size"],
        n_layer=sizes["num_hidden_layers"],
        n_head=sizes["num_attention_heads"],
        n_positions=sizes["max_position_embeddings"],
        n_inner=data.draw(st.none() | st.integers(1, 30)),
        tie_word_embeddings=sizes["tie_word_embeddings"],
        layer_norm_epsilon=sizes["rms_norm_eps"],
        activation_function=data.draw(st.sampled_from(["gelu_new", "gelu", "relu", "swish"])),
        scale_attn_weights=data.draw(st.booleans()),
        scale_attn_by_inverse_layer_idx=data.draw(st.booleans()),
    )
    assert_agree_in_both_spellings(random_model(transformers.GPT2LMHeadModel, config))
