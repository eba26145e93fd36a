"""Gemma 3 against transformers: logits of random models in odd shapes."""

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
    "five local layers to one": {
        "head_dim": 8,
        "sliding_window": 4,
        "query_pre_attn_scalar": 6,
        "num_hidden_layers": 7,
    },
    "scaled": {
        "head_dim": 10,
        "sliding_window": 3,
        "query_pre_attn_scalar": 10,
        "layer_types": ["full_attention", "sliding_attention"],
        "rope_parameters": {
            "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 900.0},
            "sliding_attention": {"rope_type": "default", "rope_theta": 70.0},
        },
    },
    "all global, biased": {
        "head_dim": 6,
        "attention_bias": True,
        "layer_types": ["full_attention"] * 2,
        "tie_word_embeddings": False,
        "final_logit_softcapping": 2.0,
    },
    "all local, a softcap that is not used": {
        "head_dim": 6,
        "sliding_window": 2,
        "layer_types": ["sliding_attention"] * 2,
        "attn_logit_softcapping": 1.0,
        "num_key_value_heads": 1,
    },
    "one base": {
        "head_dim": 6,
        "sliding_window": 4,
        "layer_types": ["full_attention", "sliding_attention"],
        "rope_parameters": {
            "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 900.0},
            "sliding_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 900.0},
        },
    },
}


@pytest.mark.parametrize("case", CASES)
def test_logits(case, tmp_path):
    config = transformers.Gemma3TextConfig(**{**SMALL, **CASES[case]})
    assert_agree(random_model(transformers.Gemma3ForCausalLM, config), tmp_path)
