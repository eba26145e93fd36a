"""Mistral against transformers: logits of random models in odd shapes."""

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
    "no window": {"sliding_window": None},
    "window": {"sliding_window": 5, "num_hidden_layers": 3},
    "window of one": {"sliding_window": 1, "tie_word_embeddings": True},
    "wide heads": {"head_dim": 14, "num_key_value_heads": 1, "sliding_window": 4},
    "not grouped": {"num_key_value_heads": 4, "hidden_act": "gelu_new", "num_hidden_layers": 1},
}


@pytest.mark.parametrize("case", CASES)
def test_logits(case, tmp_path):
    config = transformers.MistralConfig(**{**SMALL, **CASES[case]})
    assert_agree(random_model(transformers.MistralForCausalLM, config), tmp_path)
