"""Qwen 3 against transformers: logits of random models in odd shapes."""

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
    "wide heads": {"head_dim": 10},
    "biased": {"head_dim": 6, "attention_bias": True, "num_key_value_heads": 4},
    "tied": {"head_dim": 16, "tie_word_embeddings": True, "num_hidden_layers": 4},
    "windows": {
        "head_dim": 8,
        "use_sliding_window": True,
        "sliding_window": 4,
        "max_window_layers": 1,
        "num_hidden_layers": 3,
    },
    "linear": {
        "head_dim": 8,
        "rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 700.0},
    },
}


@pytest.mark.parametrize("case", CASES)
def test_logits(case, tmp_path):
    config = transformers.Qwen3Config(**{**SMALL, **CASES[case]})
    assert_agree(random_model(transformers.Qwen3ForCausalLM, config), tmp_path)
