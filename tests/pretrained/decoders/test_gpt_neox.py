"""GPT-NeoX against transformers: logits of random models in odd shapes."""

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
    "max_position_embeddings": 64,
}
CASES = {
    "parallel": {"rotary_pct": 0.4},
    "one after the other": {"use_parallel_residual": False, "rotary_pct": 1.0},
    "without bias, tied": {"attention_bias": False, "tie_word_embeddings": True},
    "tanh": {"hidden_act": "gelu_new", "hidden_size": 48, "rotary_emb_base": 200},
    "an odd number rotated": {"hidden_size": 48, "rotary_pct": 0.25, "num_hidden_layers": 3},
    "nothing rotated": {"rotary_pct": 0.1},
    "linear": {
        "rope_parameters": {
            "rope_type": "linear",
            "factor": 4.0,
            "rope_theta": 100.0,
            "partial_rotary_factor": 0.7,
        }
    },
}


@pytest.mark.parametrize("case", CASES)
def test_logits(case, tmp_path):
    config = transformers.GPTNeoXConfig(**{**SMALL, **CASES[case]})
    assert_agree(random_model(transformers.GPTNeoXForCausalLM, config), tmp_path)
