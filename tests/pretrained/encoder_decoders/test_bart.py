from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearhead.config_parts import EmbeddingConfig, OutputConfig
from clearhead.errors import CheckpointError, ConfigError
from clearhead.json_fields import Fields
from clearhead.pretrained.encoder_decoders.bart import BART
from clearhead.pretrained.reading import read_pretrained
from tests.pretrained.encoder_decoders import saved_models
from tests.pretrained.transformers_folders import change_config

KIND = "BartForConditionalGeneration"
TOKENS = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, "decoder_start_token_id": 2}
SHAPE = {**saved_models.BART_SHAPE, **TOKENS}

# facebook/bart-base as it is on the hub, without its tasks and labels.
BART_BASE = {
    "_name_or_path": "bart-base",
    "activation_dropout": 0.1,
    "activation_function": "gelu",
    "add_bias_logits": False,
    "add_final_layer_norm": False,
    "architectures": ["BartModel"],
    "attention_dropout": 0.1,
    "bos_token_id": 0,
    "classif_dropout": 0.1,
    "classifier_dropout": 0.0,
    "d_model": 768,
    "decoder_attention_heads": 12,
    "decoder_ffn_dim": 3072,
    "decoder_layerdrop": 0.0,
    "decoder_layers": 6,
    "decoder_start_token_id": 2,
    "dropout": 0.1,
    "early_stopping": True,
    "encoder_attention_heads": 12,
    "encoder_ffn_dim": 3072,
    "encoder_layerdrop": 0.0,
    "encoder_layers": 6,
    "eos_token_id": 2,
    "forced_bos_token_id": 0,
    "forced_eos_token_id": 2,
    "gradient_checkpointing": False,
    "init_std": 0.02,
    "is_encoder_decoder": True,
    "max_position_embeddings": 1024,
    "model_type": "bart",
    "no_repeat_ngram_size": 3,
    "normalize_before": False,
    "normalize_embedding": True,
    "num_beams": 4,
    "num_hidden_layers": 6,
    "pad_token_id": 1,
    "scale_embedding": False,
    "task_specific_params": {"summarization": {"length_penalty": 1.0, "max_length": 128}},
    "torch_dtype": "float32",
    "transformers_version": "4.12.0.dev0",
    "use_cache": True,
    "vocab_size": 50265,
}


def read(members):
    return BART.read_config(Fields(members, "config.json"))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"scale_embedding": True, "activation_function": "gelu_new", "d_model": 12},
        {"activation_function": "relu", "encoder_layers": 1, "decoder_attention_heads": 4},
        {"tie_word_embeddings": False, "activation_function": "swish", "pad_token_id": 9},
    ],
)
@pytest.mark.parametrize("dtype", saved_models.TOLERANCES)
def test_logits_equal_those_of_transformers(tmp_path, changes, dtype):
    theirs = saved_models.random_model(KIND, **{**SHAPE, **changes})
    saved_models.assert_agree(theirs, tmp_path, dtype, (11, 26))


@settings(max_examples=8)
@given(data=st.data())
def test_logits_of_any_shape_equal_those_of_transformers(tmp_path_factory, data):
    theirs = saved_models.random_model(
        KIND,
        data.draw(st.integers(0, 99)),
        **saved_models.draw_bart_shape(data),
        pad_token_id=data.draw(st.integers(0, 5)),
        eos_token_id=data.draw(st.integers(0, 5)),
        decoder_start_token_id=data.draw(st.integers(0, 5)),
    )
    saved_models.assert_agree(theirs, tmp_path_factory.mktemp("bart"), "float64")


def test_steps_equal_the_whole(tmp_path):
    theirs = saved_models.random_model(KIND, **SHAPE)
    saved_models.assert_steps_equal_the_whole(saved_models.read_back(theirs, tmp_path, "float64"))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_and_parts_are_read(tmp_path, dtype):
    theirs = saved_models.random_model(KIND, **SHAPE)
    saved_models.assert_half_precision_and_parts_are_read(theirs, tmp_path, dtype)


def test_a_file_of_the_model_without_its_head_is_read(tmp_path):
    # facebook/bart-base is such a one: no prefix, no bias of the logits.
    theirs = saved_models.random_model(KIND, **SHAPE)
    theirs.model.save_pretrained(tmp_path)
    theirs.final_logits_bias.zero_()
    ours = read_pretrained(tmp_path)
    assert ours.config.output == OutputConfig()
    assert saved_models.largest_difference(theirs, ours, "float32") < 1e-4


def test_the_config_of_bart_base_is_read():
    config = read(BART_BASE)
    assert (config.d_model, config.num_heads, config.max_length) == (768, 12, 1024)
    assert (config.pad_id, config.start_id, config.end_id) == (1, 2, 2)
    assert (config.norm_place, config.activation, config.scale_embedding) == (
        "after",
        "gelu",
        False,
    )
    assert config.embedding == EmbeddingConfig(norm=True, position_offset=2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"normalize_before": True}, "normalize_before.*True.*BART"),
        ({"normalize_embedding": False}, "normalize_embedding.*False"),
        ({"add_final_layer_norm": True}, "add_final_layer_norm"),
        ({"static_position_embeddings": True}, "static_position_embeddings"),
        ({"extra_pos_embeddings": 1}, "extra_pos_embeddings.*1.*2"),
        ({"activation_function": "tanh"}, "activation_function.*tanh"),
    ],
)
def test_what_is_not_computed_is_refused_by_name(changes, message):
    with pytest.raises(ConfigError, match=message):
        read({**BART_BASE, **changes})


def test_another_head_is_refused_by_the_names_of_its_tensors(tmp_path):
    saved_models.random_model("BartForSequenceClassification", **SHAPE).save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match=r"classification_head\.dense"):
        read_pretrained(tmp_path)


def test_positions_that_do_not_fit_the_config_are_named(tmp_path):
    saved_models.random_model(KIND, **SHAPE).save_pretrained(tmp_path)
    change_config(tmp_path, {"max_position_embeddings": 30})
    with pytest.raises(CheckpointError, match=r"embed_positions\.weight is \(28, 24\)"):
        read_pretrained(tmp_path)
