from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearhead.config_parts import EmbeddingConfig, OutputConfig
from clearhead.errors import ConfigError
from clearhead.json_fields import Fields
from clearhead.pretrained.encoder_decoders.mbart import MBART
from tests.pretrained.encoder_decoders import saved_models

KIND = "MBartForConditionalGeneration"
SHAPE = {**saved_models.BART_SHAPE, "decoder_start_token_id": 38}

# facebook/mbart-large-50-many-to-many-mmt as it is on the hub.
MBART_50 = {
    "activation_dropout": 0.0,
    "activation_function": "relu",
    "add_bias_logits": False,
    "add_final_layer_norm": True,
    "architectures": ["MBartForConditionalGeneration"],
    "attention_dropout": 0.0,
    "bos_token_id": 0,
    "classif_dropout": 0.0,
    "classifier_dropout": 0.0,
    "d_model": 1024,
    "decoder_attention_heads": 16,
    "decoder_ffn_dim": 4096,
    "decoder_layerdrop": 0.0,
    "decoder_layers": 12,
    "decoder_start_token_id": 2,
    "dropout": 0.1,
    "early_stopping": True,
    "encoder_attention_heads": 16,
    "encoder_ffn_dim": 4096,
    "encoder_layerdrop": 0.0,
    "encoder_layers": 12,
    "eos_token_id": 2,
    "forced_eos_token_id": 2,
    "gradient_checkpointing": False,
    "init_std": 0.02,
    "is_encoder_decoder": True,
    "max_length": 200,
    "max_position_embeddings": 1024,
    "model_type": "mbart",
    "normalize_before": True,
    "normalize_embedding": True,
    "num_beams": 5,
    "num_hidden_layers": 12,
    "output_past": True,
    "pad_token_id": 1,
    "scale_embedding": True,
    "static_position_embeddings": False,
    "tokenizer_class": "MBart50Tokenizer",
    "use_cache": True,
    "vocab_size": 250054,
}


def read(members):
    return MBART.read_config(Fields(members, "config.json"))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"scale_embedding": True, "activation_function": "relu", "decoder_layers": 1},
        {"tie_word_embeddings": False, "decoder_attention_heads": 4, "d_model": 12},
    ],
)
@pytest.mark.parametrize("dtype", saved_models.TOLERANCES)
def test_logits_equal_those_of_transformers(tmp_path, changes, dtype):
    theirs = saved_models.random_model(KIND, **{**SHAPE, **changes})
    saved_models.assert_agree(theirs, tmp_path, dtype, (11, 26))


@settings(max_examples=6)
@given(data=st.data())
def test_logits_of_any_shape_equal_those_of_transformers(tmp_path_factory, data):
    theirs = saved_models.random_model(
        KIND, data.draw(st.integers(0, 99)), **saved_models.draw_bart_shape(data)
    )
    saved_models.assert_agree(theirs, tmp_path_factory.mktemp("mbart"), "float64")


def test_steps_equal_the_whole(tmp_path):
    theirs = saved_models.random_model(KIND, **SHAPE)
    saved_models.assert_steps_equal_the_whole(saved_models.read_back(theirs, tmp_path, "float64"))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_and_parts_are_read(tmp_path, dtype):
    theirs = saved_models.random_model(KIND, **SHAPE)
    saved_models.assert_half_precision_and_parts_are_read(theirs, tmp_path, dtype)


def test_the_config_of_mbart_50_is_read():
    config = read(MBART_50)
    assert (config.vocab_size, config.encoder_layers, config.max_length) == (250054, 12, 1024)
    assert (config.norm_place, config.activation, config.scale_embedding) == (
        "before",
        "relu",
        True,
    )
    assert config.embedding == EmbeddingConfig(norm=True, position_offset=2)
    assert config.output == OutputConfig(bias=True)
    assert config.start_id == 2


def test_without_a_start_token_the_beginning_of_a_text_stands_for_it():
    settings = {**MBART_50, "decoder_start_token_id": None}
    assert read(settings).start_id == 0
    assert read({**settings, "bos_token_id": 5}).start_id == 5
    assert read({**settings, "bos_token_id": None}).start_id == 1


@pytest.mark.parametrize("key", ["normalize_before", "normalize_embedding", "add_final_layer_norm"])
def test_an_old_config_that_contradicts_mbart_is_refused(key):
    with pytest.raises(ConfigError, match=f"{key}.*False.*mBART"):
        read({**MBART_50, key: False})
