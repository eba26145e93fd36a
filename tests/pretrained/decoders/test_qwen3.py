"""Qwen 3 against transformers: logits of random models in odd shapes."""

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
    assert_agree(small_model("Qwen3", **CASES[case]), tmp_path)


@settings(max_examples=5)
@given(st.data(), decoder_sizes())
def test_any_config(data, sizes):
    use = data.draw(st.booleans())
    config = transformers.Qwen3Config(
        **sizes,
        rope_parameters=data.draw(rotary_parameters()),
        attention_bias=data.draw(st.booleans()),
        use_sliding_window=use,
        sliding_window=data.draw(st.integers(1, 12)),
        max_window_layers=data.draw(st.integers(0, 5)),
        layer_types=data.draw(st.none() | layer_types(sizes["num_hidden_layers"])) if use else None,
    )
    assert_agree_in_both_spellings(random_model(transformers.Qwen3ForCausalLM, config))
