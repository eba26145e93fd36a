"""GPT-NeoX against transformers: logits of random models in odd shapes."""

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
    assert_agree(small_model("GPTNeoX", **CASES[case]), tmp_path)


@settings(max_examples=5)
@given(st.data(), decoder_sizes())
def test_any_config(data, sizes):
    heads, share = sizes["num_attention_heads"], data.draw(st.floats(0, 1))
    del sizes["num_key_value_heads"], sizes["head_dim"], sizes["rms_norm_eps"]
    sizes["hidden_size"] = 2 * heads * data.draw(st.integers(3, 6))  # heads of an even width
    config = transformers.GPTNeoXConfig(
        **sizes,
        rope_parameters={**data.draw(rotary_parameters()), "partial_rotary_factor": share},
        use_parallel_residual=data.draw(st.booleans()),
        attention_bias=data.draw(st.booleans()),
        hidden_act=data.draw(st.sampled_from(["gelu", "gelu_fast", "relu"])),
    )
    assert_agree_in_both_spellings(random_model(transformers.GPTNeoXForCausalLM, config))
