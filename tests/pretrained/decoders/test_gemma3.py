"""Gemma 3 against transformers: logits of random models in odd shapes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

transformers = pytest.importorskip("transformers")

from clearhead.errors import CheckpointError  # noqa: E402
from clearhead.pretrained.reading import read_pretrained  # noqa: E402
from tests.pretrained.decoders.checkpoints import (  # noqa: E402
    assert_agree,
    assert_agree_in_both_spellings,
    assert_read_alike,
    decoder_sizes,
    layer_types,
    random_model,
    rotary_parameters,
    small_model,
)
from tests.pretrained.transformers_folders import change_config  # noqa: E402

CASES = {
    "five local layers to one": {
        "head_dim": 8,
        "sliding_window": 4,
        "query_pre_attn_scalar": 6,
        "num_hidden_layers": 7,
        "sliding_window_pattern": 6,
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
    assert_agree(small_model("Gemma3", **CASES[case]), tmp_path)


def test_a_gemma_3_that_sees_images_is_refused(tmp_path):
    small_model("Gemma3").save_pretrained(tmp_path)
    change_config(tmp_path, {"model_type": "gemma3", "vision_config": {}})
    with pytest.raises(CheckpointError, match=r"sees images.*gemma3_text"):
        read_pretrained(tmp_path)


def test_local_layers_with_scaled_frequencies_of_their_own_are_refused(tmp_path):
    small_model("Gemma3").save_pretrained(tmp_path)
    linear = {"rope_type": "linear", "factor": 2.0}
    change_config(tmp_path, {"rope_parameters": {"sliding_attention": linear}})
    with pytest.raises(CheckpointError, match="scales the frequencies of local layers"):
        read_pretrained(tmp_path)


def test_one_set_of_rotary_positions_for_both_types_is_refused(tmp_path):
    # transformers would not look at it.
    small_model("Gemma3").save_pretrained(tmp_path)
    change_config(tmp_path, {"rope_parameters": {"rope_type": "default", "rope_theta": 3.0}})
    with pytest.raises(CheckpointError, match="'rope_type'"):
        read_pretrained(tmp_path)


def test_a_pattern_of_layers_as_old_files_have_it(tmp_path):
    small_model("Gemma3", num_hidden_layers=5).save_pretrained(tmp_path)
    change_config(tmp_path, {"sliding_window_pattern": 3, "layer_types": ...})
    assert assert_read_alike(tmp_path).config.attention.windows == (4, 4, 0, 4, 4)


@settings(max_examples=5)
@given(st.data(), decoder_sizes())
def test_any_config(data, sizes):
    kinds = data.draw(layer_types(sizes["num_hidden_layers"]))
    local = {"rope_type": "default", "rope_theta": data.draw(st.floats(2, 1e5))}
    config = transformers.Gemma3TextConfig(
        **sizes,
        layer_types=kinds,
        rope_parameters={
            "full_attention": data.draw(rotary_parameters()),
            "sliding_attention": local,
        },
        sliding_window=data.draw(st.integers(1, 12)),
        attention_bias=data.draw(st.booleans()),
        query_pre_attn_scalar=data.draw(st.integers(1, 300)),
        final_logit_softcapping=data.draw(st.none() | st.floats(1, 40)),
    )
    assert_agree_in_both_spellings(random_model(transformers.Gemma3ForCausalLM, config))
