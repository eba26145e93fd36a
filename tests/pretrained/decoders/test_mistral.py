"""Mistral against transformers: logits of random models in odd shapes."""

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

CASES = {
    "no window": {"sliding_window": None},
    "window": {"sliding_window": 5, "num_hidden_layers": 3},
    "window of one": {"sliding_window": 1, "tie_word_embeddings": True},
    "wide heads": {"head_dim": 14, "num_key_value_heads": 1, "sliding_window": 4},
    "not grouped": {"num_key_value_heads": 4, "hidden_act": "gelu_new", "num_hidden_layers": 1},
}


@pytest.mark.parametrize("case", CASES)
def test_logits(case, tmp_path):
    assert_agree(small_model("Mistral", **CASES[case]), tmp_path)


@settings(max_examples=5)
@given(st.data(), decoder_sizes())
def test_any_config(data, sizes):
    config = transformers.MistralConfig(
        **sizes,
        rope_parameters=data.draw(rotary_parameters()),
        sliding_window=data.draw(st.none() | st.integers(1, 12)),
    )
    assert_agree_in_both_spellings(random_model(transformers.MistralForCausalLM, config))
