from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearhead.config_parts import EmbeddingConfig, OutputConfig
from clearhead.errors import ConfigError
from clearhead.json_fields import Fields
from clearhead.pretrained.encoder_decoders.m2m_100 import M2M_100
from clearhead.pretrained.reading import read_pretrained
from tests.pretrained.encoder_decoders import saved_models
from tests.pretrained.transformers_folders import open_tensors

KIND = "M2M100ForConditionalGeneration"
SHAPE = {**saved_models.BART_SHAPE, "pad_token_id": 1, "decoder_start_token_id": 2}

# facebook/m2m100_418M as it is on the hub.
M2M100_418M = {
    "_name_or_path": "hf_models/m2m100_418M",
    "activation_dropout": 0.0,
    "activation_function": "relu",
    "architectures": ["M2M100ForConditionalGeneration"],
    "attention_dropout": 0.1,
    "bos_token_id": 0,
    "d_model": 1024,
    "decoder_attention_heads": 16,
    "decoder_ffn_dim": 4096,
    "decoder_layerdrop": 0.05,
    "decoder_layers": 12,
    "decoder_start_token_id": 2,
    "dropout": 0.1,
    "early_stopping": True,
    "encoder_attention_heads": 16,
    "encoder_ffn_dim": 4096,
    "encoder_layerdrop": 0.05,
    "encoder_layers": 12,
    "eos_token_id": 2,
    "gradient_checkpointing": False,
    "init_std": 0.02,
    "is_encoder_decoder": True,
    "max_length": 200,
    "max_position_embeddings": 1024,
    "model_type": "m2m_100",
    "num_beams": 5,
    "num_hidden_layers": 12,
    "pad_token_id": 1,
    "scale_embedding": True,
    "transformers_version": "4.4.0.dev0",
    "use_cache": True,
    "vocab_size": 128112,
}


def read(members):
    return M2M_100.read_config(Fields(members, "config.json"))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"scale_embedding": False, "activation_function": "gelu", "encoder_layers": 1},
        {"pad_token_id": 0, "decoder_attention_heads": 4, "d_model": 12},
        {"pad_token_id": 6, "tie_word_embeddings": False, "activation_function": "swish"},
    ],
)
@pytest.mark.parametrize("dtype", saved_models.TOLERANCES)
def test_logits_equal_those_of_transformers(tmp_path, changes, dtype):
    theirs = saved_models.random_model(KIND, **{**SHAPE, **changes})
    longest = 20 if changes.get("pad_token_id") == 6 else 26
    saved_models.assert_agree(theirs, tmp_path, dtype, (11, longest))


@settings(max_examples=6)
@given(data=st.data())
def test_logits_of_any_shape_equal_those_of_transformers(tmp_path_factory, data):
    theirs = saved_models.random_model(
        KIND,
        data.draw(st.integers(0, 99)),
        **saved_models.draw_bart_shape(data),
        pad_token_id=data.draw(st.integers(0, 2)),
        eos_token_id=data.draw(st.integers(0, 5)),
        decoder_start_token_id=data.draw(st.integers(3, 5)),
    )
    saved_models.assert_agree(theirs, tmp_path_factory.mktemp("m2m_100"), "float64")


def test_long_texts_equal_those_of_transformers(tmp_path):
    theirs = saved_models.random_model(KIND, **{**SHAPE, "max_position_embeddings": 600})
    ours = saved_models.read_back(theirs, tmp_path)
    assert saved_models.largest_difference(theirs, ours, "float32", longest=600) < 1e-4


def test_padding_before_the_text_does_not_move_it(tmp_path):
    theirs = saved_models.random_model(KIND, **SHAPE)
    ours = saved_models.read_back(theirs, tmp_path)
    source = np.array([[1, 1, 1, 9, 8, 2], [1, 5, 6, 7, 1, 2]])
    target = np.array([[2, 9, 4], [2, 5, 6]])
    mine = saved_models.Transformer(ours.config, ours.weights, dtype="float32")
    expected = saved_models.their_logits(theirs, source, target, 1)
    np.testing.assert_allclose(mine.forward(source, target), expected, rtol=0, atol=1e-4)


def test_steps_equal_the_whole(tmp_path):
    theirs = saved_models.random_model(KIND, **SHAPE)
    saved_models.assert_steps_equal_the_whole(saved_models.read_back(theirs, tmp_path, "float64"))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_and_parts_are_read(tmp_path, dtype):
    theirs = saved_models.random_model(KIND, **SHAPE)
    saved_models.assert_half_precision_and_parts_are_read(theirs, tmp_path, dtype)


def test_the_tables_of_old_files_are_no_error(tmp_path):
    theirs = saved_models.random_model(KIND, **SHAPE)
    theirs.save_pretrained(tmp_path)
    with open_tensors(tmp_path) as tensors:
        for stack in ("encoder", "decoder"):
            table = getattr(theirs.model, stack).embed_positions.weights.numpy()
            tensors[f"model.{stack}.embed_positions.weights"] = table.copy()
            tensors[f"model.{stack}.version"] = np.array([3.0], np.float32)
        tensors["lm_head.weight"] = tensors["model.shared.weight"].copy()
    ours = read_pretrained(tmp_path)
    assert saved_models.largest_difference(theirs, ours, "float32") < 1e-4


def test_the_config_of_m2m100_is_read():
    config = read(M2M100_418M)
    assert (config.d_model, config.decoder_layers, config.max_length) == (1024, 12, 1024)
    assert (config.pad_id, config.start_id, config.end_id) == (1, 2, 2)
    assert (config.norm_place, config.activation, config.scale_embedding) == (
        "before",
        "relu",
        True,
    )
    assert config.output == OutputConfig()
    assert config.embedding == EmbeddingConfig(
        position_offset=2, skip_padding=True, sinusoid="halves_to_end"
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"normalize_before": False}, "normalize_before.*False.*M2M100"),
        ({"activation_function": "relu2"}, "activation_function.*relu2"),
        ({"per_layer_config": {"1": {"encoder_ffn_dim": 3}}}, "per_layer_config"),
    ],
)
def test_what_is_not_computed_is_refused_by_name(changes, message):
    with pytest.raises(ConfigError, match=message):
        read({**M2M100_418M, **changes})
