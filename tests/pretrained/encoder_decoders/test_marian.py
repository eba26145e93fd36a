from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearhead.config_parts import DecoderConfig, EmbeddingConfig, OutputConfig
from clearhead.errors import CheckpointError, ConfigError
from clearhead.json_fields import Fields
from clearhead.pretrained.encoder_decoders.marian import MARIAN
from clearhead.pretrained.reading import read_pretrained
from clearhead.reference.transformer import Transformer
from tests.pretrained.encoder_decoders import saved_models
from tests.pretrained.transformers_folders import (
    change_config,
    open_tensors,
    read_with_transformers,
)

KIND = "MarianMTModel"
TOKENS = {"pad_token_id": 40, "eos_token_id": 0, "decoder_start_token_id": 40}
SHAPE = {
    **saved_models.BART_SHAPE,
    **TOKENS,
    "activation_function": "swish",
    "scale_embedding": True,
}
UNSHARED = {"share_encoder_decoder_embeddings": False}

# Helsinki-NLP/opus-mt-en-fr as it is on the hub.
OPUS_MT_EN_FR = {
    "_name_or_path": "/tmp/Helsinki-NLP/opus-mt-en-fr",
    "_num_labels": 3,
    "activation_dropout": 0.0,
    "activation_function": "swish",
    "add_bias_logits": False,
    "add_final_layer_norm": False,
    "architectures": ["MarianMTModel"],
    "attention_dropout": 0.0,
    "bad_words_ids": [[59513]],
    "bos_token_id": 0,
    "classif_dropout": 0.0,
    "classifier_dropout": 0.0,
    "d_model": 512,
    "decoder_attention_heads": 8,
    "decoder_ffn_dim": 2048,
    "decoder_layerdrop": 0.0,
    "decoder_layers": 6,
    "decoder_start_token_id": 59513,
    "decoder_vocab_size": 59514,
    "dropout": 0.1,
    "encoder_attention_heads": 8,
    "encoder_ffn_dim": 2048,
    "encoder_layerdrop": 0.0,
    "encoder_layers": 6,
    "eos_token_id": 0,
    "forced_eos_token_id": 0,
    "gradient_checkpointing": False,
    "id2label": {"0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2"},
    "init_std": 0.02,
    "is_encoder_decoder": True,
    "label2id": {"LABEL_0": 0, "LABEL_1": 1, "LABEL_2": 2},
    "max_length": 512,
    "max_position_embeddings": 512,
    "model_type": "marian",
    "normalize_before": False,
    "normalize_embedding": False,
    "num_beams": 4,
    "num_hidden_layers": 6,
    "pad_token_id": 59513,
    "scale_embedding": True,
    "share_encoder_decoder_embeddings": True,
    "static_position_embeddings": True,
    "transformers_version": "4.22.0.dev0",
    "use_cache": True,
    "vocab_size": 59514,
}


def read(members):
    return MARIAN.read_config(Fields(members, "config.json"))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"activation_function": "relu", "scale_embedding": False, "decoder_attention_heads": 4},
        {**UNSHARED, "activation_function": "gelu", "decoder_ffn_dim": 20},
        {"tie_word_embeddings": False},
        {**UNSHARED, "tie_word_embeddings": False},
        {"decoder_start_token_id": 3, "pad_token_id": 7, "d_model": 36},
    ],
)
@pytest.mark.parametrize("dtype", saved_models.TOLERANCES)
def test_logits_equal_those_of_transformers(tmp_path, changes, dtype):
    theirs = saved_models.random_model(KIND, **{**SHAPE, **changes})
    saved_models.assert_agree(theirs, tmp_path, dtype, (11, 26))


@settings(max_examples=6)
@given(data=st.data())
def test_logits_of_any_shape_equal_those_of_transformers(tmp_path_factory, data):
    shape = saved_models.draw_bart_shape(data)
    shared, vocab_size = data.draw(st.booleans()), shape["vocab_size"]
    theirs = saved_models.random_model(
        KIND,
        data.draw(st.integers(0, 99)),
        **shape,
        share_encoder_decoder_embeddings=shared,
        pad_token_id=vocab_size - 1,
        eos_token_id=data.draw(st.integers(0, 3)),
        decoder_start_token_id=data.draw(st.sampled_from([0, vocab_size - 1])),
    )
    ours = saved_models.assert_agree(theirs, tmp_path_factory.mktemp("marian"), "float64")
    assert ours.config.tied_embeddings == (shared and shape["tie_word_embeddings"])


def test_long_texts_equal_those_of_transformers(tmp_path):
    theirs = saved_models.random_model(KIND, **{**SHAPE, "max_position_embeddings": 600})
    ours = saved_models.read_back(theirs, tmp_path)
    assert saved_models.largest_difference(theirs, ours, "float32", longest=600) < 1e-4


@pytest.mark.parametrize("changes", [{}, UNSHARED])
def test_steps_equal_the_whole(tmp_path, changes):
    ours = saved_models.read_back(
        saved_models.random_model(KIND, **SHAPE, **changes), tmp_path, "float64"
    )
    saved_models.assert_steps_equal_the_whole(ours)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_and_parts_are_read(tmp_path, dtype):
    theirs = saved_models.random_model(KIND, **SHAPE)
    saved_models.assert_half_precision_and_parts_are_read(theirs, tmp_path, dtype)


def test_files_without_the_head_have_no_bias(tmp_path):
    theirs = saved_models.random_model(KIND, **SHAPE)
    theirs.model.save_pretrained(tmp_path)
    theirs.final_logits_bias.zero_()
    ours = read_pretrained(tmp_path)
    assert not ours.config.output.bias
    assert saved_models.largest_difference(theirs, ours, "float32") < 1e-4


@pytest.mark.parametrize("name", ["lm_head.weight", "model.decoder.embed_tokens.weight"])
def test_the_embedding_is_read_under_any_of_its_names(tmp_path, name):
    theirs = saved_models.random_model(KIND, **SHAPE)
    theirs.save_pretrained(tmp_path)
    with open_tensors(tmp_path) as tensors:
        tensors[name] = tensors.pop("model.shared.weight")
    ours = read_pretrained(tmp_path)
    assert ours.config.tied_embeddings
    assert ours.config.tied_output
    assert saved_models.largest_difference(theirs, ours, "float32") < 1e-4


def test_copies_and_tables_of_old_files_are_no_error(tmp_path):
    theirs = saved_models.random_model(KIND, **SHAPE)
    theirs.save_pretrained(tmp_path)
    with open_tensors(tmp_path) as tensors:
        for name in ("model.encoder.embed_tokens", "model.decoder.embed_tokens", "lm_head"):
            tensors[f"{name}.weight"] = tensors["model.shared.weight"].copy()
        for stack in ("encoder", "decoder"):
            table = getattr(theirs.model, stack).embed_positions.weight.numpy()
            tensors[f"model.{stack}.embed_positions.weight"] = table.copy()
    ours = read_pretrained(tmp_path)
    assert saved_models.largest_difference(theirs, ours, "float32") < 1e-4


def test_a_matrix_that_is_stored_apart_is_read_apart(tmp_path):
    # transformers does so too where the two differ, though the config says that they are one.
    theirs = saved_models.random_model(KIND, **SHAPE)
    theirs.save_pretrained(tmp_path)
    with open_tensors(tmp_path) as tensors:
        tensors["lm_head.weight"] = np.flip(tensors["model.shared.weight"], axis=0).copy()
    again = read_with_transformers(KIND, tmp_path)
    assert saved_models.largest_difference(again, read_pretrained(tmp_path), "float32") < 1e-4


def test_the_table_is_the_float32_one_in_float64_too(tmp_path):
    theirs = saved_models.random_model(KIND, **SHAPE)
    ours = saved_models.read_back(theirs, tmp_path, "float64")
    table = theirs.model.encoder.embed_positions.weight.numpy().astype(np.float64)
    ids = np.full((1, len(table)), 5)
    embedded = Transformer(ours.config, ours.weights).embed(ids, "source")
    np.testing.assert_array_equal(
        embedded[0], ours.weights["embedding.weight"][5] * np.sqrt(24) + table
    )


def test_the_config_of_opus_mt_is_read():
    config = read(OPUS_MT_EN_FR)
    assert (config.encoder_layers, config.decoder_layers, config.max_length) == (6, 6, 512)
    assert (config.pad_id, config.start_id, config.end_id) == (59513, 59513, 0)
    assert (config.norm_place, config.activation, config.scale_embedding) == ("after", "silu", True)
    assert config.embedding == EmbeddingConfig(sinusoid="halves")
    assert config.output == OutputConfig(bias=True)
    assert config.decoder == DecoderConfig()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"normalize_before": True}, "normalize_before.*True.*Marian"),
        ({"normalize_embedding": True}, "normalize_embedding"),
        ({"static_position_embeddings": False}, "static_position_embeddings"),
        ({"activation_function": "quick_gelu"}, "activation_function.*quick_gelu.*swish"),
        ({"num_hidden_layers": 3}, "encoder_layers.*6.*num_hidden_layers.*3"),
        ({"is_decoder": True}, "is_decoder.*true.*Marian"),
        ({**UNSHARED, "decoder_vocab_size": 7}, "decoder_vocab_size.*7.*59514"),
        ({"encoder_attention_heads": 7}, "512.*7"),
        ({"decoder_attention_heads": 7}, "512.*7"),
    ],
)
def test_what_is_not_computed_is_refused_by_name(changes, message):
    with pytest.raises(ConfigError, match=message):
        read({**OPUS_MT_EN_FR, **changes})


def test_an_output_matrix_that_is_missing_is_named(tmp_path):
    saved_models.random_model(KIND, **SHAPE).save_pretrained(tmp_path)
    change_config(tmp_path, {"tie_word_embeddings": False})
    with pytest.raises(CheckpointError, match=r"lm_head\.weight"):
        read_pretrained(tmp_path)


def test_an_embedding_that_is_not_shared_and_missing_is_named(tmp_path):
    saved_models.random_model(KIND, **SHAPE, **UNSHARED).save_pretrained(tmp_path)
    with open_tensors(tmp_path) as tensors:
        del tensors["model.encoder.embed_tokens.weight"]
    with pytest.raises(CheckpointError, match=r"encoder\.embed_tokens\.weight"):
        read_pretrained(tmp_path)
