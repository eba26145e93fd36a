"""GPT-2 against transformers: logits of random models in odd shapes."""

from __future__ import annotations

import pytest

transformers = pytest.importorskip("transformers")

from tests.pretrained.decoders.checkpoints import assert_agree, random_model  # noqa: E402

SMALL = {"vocab_size": 53, "n_embd": 24, "n_layer": 2, "n_head": 4, "n_positions": 32}
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
    config = transformers.GPT2Config(**{**SMALL, **CASES[case]})
    assert_agree(random_model(transformers.GPT2LMHeadModel, config), tmp_path)
