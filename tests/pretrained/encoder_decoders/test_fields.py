from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhead.config import TransformerConfig
from clearhead.errors import ConfigError
from clearhead.file_reading import FileProblem
from clearhead.json_fields import Fields
from clearhead.pretrained.encoder_decoders import _fields
from clearhead.pretrained.encoder_decoders.bart import BART
from clearhead.pretrained.encoder_decoders.m2m_100 import M2M_100
from clearhead.pretrained.encoder_decoders.marian import MARIAN
from clearhead.pretrained.encoder_decoders.mbart import MBART
from clearhead.pretrained.encoder_decoders.pegasus import PEGASUS
from clearhead.pretrained.encoder_decoders.t5 import T5

FAMILIES = {family.model_types[0]: family for family in (T5, MARIAN, BART, MBART, M2M_100, PEGASUS)}
NAMES = (
    *("d_model", "d_kv", "num_heads", "num_layers", "num_decoder_layers", "vocab_size"),
    *("hidden_size", "num_hidden_layers", "encoder_layers", "decoder_layers", "dropout_rate"),
    *("encoder_attention_heads", "decoder_attention_heads", "decoder_ffn_dim", "dropout"),
    *("feed_forward_proj", "activation_function", "dense_act_fn", "is_gated_act", "pruned_heads"),
    *("scale_embedding", "tie_word_embeddings", "scale_decoder_outputs", "normalize_before"),
    *("pad_token_id", "eos_token_id", "decoder_start_token_id", "bos_token_id", "is_decoder"),
    *("layer_norm_epsilon", "relative_attention_num_buckets", "max_position_embeddings"),
    *("share_encoder_decoder_embeddings", "decoder_vocab_size", "relative_attention_max_distance"),
)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 70),
    st.sampled_from([1 << 60, -1.5, 0.25, 1e300, "relu", "gated-gelu", "", [], [3], [0, 1], {}]),
)


def fields(**members):
    return Fields(members, "config.json")


def test_padding_and_the_end_may_be_absent_but_not_null():
    assert _fields.stated_token(fields(), "pad_token_id", 1) == 1
    assert _fields.stated_token(fields(pad_token_id=3), "pad_token_id", 1) == 3
    with pytest.raises(FileProblem, match=r"pad_token_id.*null"):
        _fields.stated_token(fields(pad_token_id=None), "pad_token_id", 1)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"is_decoder": True}, "'is_decoder' of config.json is true"),
        ({"is_encoder_decoder": False}, "'is_encoder_decoder' of config.json is false"),
        ({"pruned_heads": {"0": [1]}}, "'pruned_heads'"),
        ({"per_layer_config": {"0": {}}}, "'per_layer_config'"),
    ],
)
def test_other_models_are_refused(members, message):
    with pytest.raises(ConfigError, match=message):
        _fields.refuse_other_models(fields(**members), "BART")


def test_the_usual_values_of_such_fields_are_no_error():
    usual = {"is_decoder": False, "is_encoder_decoder": True, "pruned_heads": {}}
    _fields.refuse_other_models(fields(**usual, per_layer_config=None), "BART")
    _fields.require(fields(), "BART", {"normalize_before": False})
    _fields.require(fields(normalize_before=None), "BART", {"normalize_before": False})


@given(
    model_type=st.sampled_from([*FAMILIES, "mt5"]),
    members=st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=5),
)
def test_any_config_is_read_or_refused_on_purpose(model_type, members):
    family = FAMILIES.get(model_type, T5)
    try:
        config = family.read_config(fields(model_type=model_type, **members))
    except (ConfigError, FileProblem):
        return
    assert isinstance(config, TransformerConfig)
    assert family.fit_config(config, {}).vocab_size == config.vocab_size
