"""Qwen 2 against transformers: logits of random models in odd shapes."""

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
    "plain": {},
    "tied": {"tie_word_embeddings": True, "num_key_value_heads": 1},
    "windows in the last layers": {
        "use_sliding_window": True,
        "sliding_window": 4,
        "max_window_layers": 2,
        "num_hidden_layers": 5,
    },
    "windows by type": {
        "use_sliding_window": True,
        "sliding_window": 3,
        "layer_types": ["sliding_attention", "full_attention"],
    },
    "window of no use": {"use_sliding_window": True, "sliding_window": 3},
    "wide heads": {"head_dim": 10, "num_key_value_heads": 4},
}


@pytest.mark.parametrize("case", CASES)
def test_logits(case, tmp_path):
    config = transformers.Qwen2Config(**{**SMALL, **CASES[case]})
    assert_agree(random_model(transformers.Qwen2ForCausalLM, config), tmp_path)
