"""What the configs of encoders share: activations by their names, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearhead.errors import ConfigError
from clearhead.file_reading import FileProblem
from clearhead.json_fields import Fields
from clearhead.pretrained.encoders import _fields as shared
from clearhead.pretrained.encoders.bert import BERT
from clearhead.pretrained.encoders.distilbert import DISTILBERT
from clearhead.pretrained.encoders.roberta import ROBERTA


def fields(**members):
    return Fields(members, "config.json")


def test_no_activation_is_exact_gelu():
    assert shared.activation(fields(act=None), "act") == "gelu"


@pytest.mark.parametrize("value", [None, False])
def test_a_config_that_says_that_it_is_no_decoder_is_read(value):
    shared.refuse_decoder(fields(is_decoder=value, add_cross_attention=value), "BERT")
    shared.refuse_decoder(fields(), "BERT")


@pytest.mark.parametrize("key", ["is_decoder", "add_cross_attention"])
def test_a_decoder_is_refused(key):
    with pytest.raises(ConfigError, match=f"'{key}' of config.json is true"):
        shared.refuse_decoder(fields(**{key: True}), "BERT")
    with pytest.raises(FileProblem, match="not true or false"):
        shared.refuse_decoder(fields(**{key: 1}), "BERT")


def test_positions_of_other_kinds_are_refused():
    shared.refuse_other_positions(fields(position_embedding_type="absolute"))
    shared.refuse_other_positions(fields())
    with pytest.raises(ConfigError, match=r"is 'relative_key'.*'absolute' positions"):
        shared.refuse_other_positions(fields(position_embedding_type="relative_key"))


def test_heads_that_were_cut_off_are_refused():
    shared.refuse_pruned_heads(fields(pruned_heads={}))
    with pytest.raises(ConfigError, match="pruned_heads"):
        shared.refuse_pruned_heads(fields(pruned_heads={"1": [0]}))


@pytest.mark.parametrize(
    ("members", "ids"),
    [
        ({}, (1, 1, 1)),
        ({"pad_token_id": 4}, (4, 4, 4)),
        ({"pad_token_id": 0, "bos_token_id": 5, "eos_token_id": [6, 7]}, (0, 5, 6)),
        ({"pad_token_id": None, "bos_token_id": None, "eos_token_id": 2}, (1, 1, 2)),
    ],
)
def test_special_tokens(members, ids):
    settings = shared.token_ids(fields(**members), padding=1)
    assert settings == dict(zip(("pad_id", "start_id", "end_id"), ids, strict=True))


@pytest.mark.parametrize("value", [-1, "2", [], [-3]])
def test_special_tokens_that_are_none(value):
    with pytest.raises((ConfigError, FileProblem), match="eos_token_id"):
        shared.token_ids(fields(eos_token_id=value), padding=1)


def test_there_are_two_types_of_tokens_where_a_config_says_nothing():
    assert shared.token_types(fields()) == 2
    assert shared.token_types(fields(type_vocab_size=None)) == 2
    assert shared.token_types(fields(type_vocab_size=1)) == 1
    with pytest.raises(FileProblem, match="from 1 to"):
        shared.token_types(fields(type_vocab_size=0))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=4,
)
BERT_FIELDS = {
    "vocab_size": 9,
    "hidden_size": 4,
    "num_attention_heads": 2,
    "num_hidden_layers": 3,
    "intermediate_size": 5,
    "max_position_embeddings": 8,
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-5,
    "type_vocab_size": 2,
    "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.1,
    "pad_token_id": 1,
    "bos_token_id": 0,
    "eos_token_id": 2,
    "is_decoder": False,
    "add_cross_attention": False,
    "position_embedding_type": "absolute",
    "tie_word_embeddings": True,
    "pruned_heads": {},
}
DISTIL_FIELDS = {
    "vocab_size": 9,
    "dim": 4,
    "n_heads": 2,
    "n_layers": 3,
    "hidden_dim": 5,
    "max_position_embeddings": 8,
    "activation": "gelu",
    "dropout": 0.1,
    "pad_token_id": 0,
    "attention_dropout": 0.1,
    "sinusoidal_pos_embds": False,
    "tie_word_embeddings": True,
}


@pytest.mark.parametrize(
    ("family", "members"),
    [(BERT, BERT_FIELDS), (ROBERTA, BERT_FIELDS), (DISTILBERT, DISTIL_FIELDS)],
    ids=["BERT", "RoBERTa", "DistilBERT"],
)
@settings(max_examples=60)
@given(data=st.data(), value=JSON)
def test_any_json_in_any_field_gives_a_config_or_an_error_of_ours(family, members, data, value):
    name = data.draw(st.sampled_from(list(members)))
    try:
        config = family.read_config(Fields({**members, name: value}, "the file"))
    except (ConfigError, FileProblem):
        return
    assert config.encoder_layers >= 1
    assert config.max_length >= 1
