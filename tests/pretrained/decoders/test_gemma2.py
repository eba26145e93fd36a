"""Gemma 2 against transformers: logits of random models in odd shapes."""

from __future__ import annotations

import pytest

transformers = pytest.importorskip("transformers")

from tests.pretrained.decoders.checkpoints import assert_agree, random_model  # noqa: E402

SMALL = {
    "vocab_size": 53,
    "hidden_size": 24,
    "intermediate_size": 40,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
}
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
    config = transformers.Gemma2Config(**{**SMALL, **CASES[case]})
    assert_agree(random_model(transformers.Gemma2ForCausalLM, config), tmp_path)
