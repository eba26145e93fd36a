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
from tests.pretrained.encoder_decoders import saved_models

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


@pytest.mark.parametrize("name", _fields._ACTIVATIONS)
def test_an_activation_is_the_same_function_as_in_transformers(name):
    torch = saved_models.torch
    theirs = saved_models.transformers.activations.ACT2FN[name]
    ours = {
        "relu": torch.relu,
        "gelu": torch.nn.functional.gelu,
        "gelu_tanh": lambda x: torch.nn.functional.gelu(x, approximate="tanh"),
        "silu": torch.nn.functional.silu,
    }[_fields.activation(name, "activation_function", fields())]
    x = torch.linspace(-5, 5, 101, dtype=torch.float64)
    assert (theirs(x) - ours(x)).abs().max() < 1e-10


def test_an_unknown_activation_is_refused_with_those_that_are_read():
    with pytest.raises(ConfigError, match=r"'act' of config.json is 'quick_gelu'.*gelu_new.*swish"):
        _fields.activation("quick_gelu", "act", fields())


def test_a_size_is_read_under_either_name():
    assert _fields.size(fields(d_model=8), "d_model", 3, alias="hidden_size") == 8
    assert _fields.size(fields(hidden_size=8), "d_model", 3, alias="hidden_size") == 8
    assert _fields.size(fields(), "d_model", 3, alias="hidden_size") == 3
    both = fields(d_model=8, hidden_size=9)
    with pytest.raises(ConfigError, match=r"'d_model'.*is 8 and 'hidden_size'.*is 9"):
        _fields.size(both, "d_model", 3, alias="hidden_size")


@pytest.mark.parametrize("value", [0, -3, 2.5, "8", None, True])
def test_what_is_no_size_is_refused(value):
    with pytest.raises(FileProblem, match="d_model"):
        _fields.size(fields(d_model=value), "d_model", 3)


def test_of_several_tokens_the_first_is_read():
    assert _fields.token(fields(eos_token_id=[4, 5]), "eos_token_id", 1) == 4
    assert _fields.token(fields(eos_token_id=6), "eos_token_id", 1) == 6
    assert _fields.token(fields(), "eos_token_id", 1) == 1
    with pytest.raises(ConfigError, match="list without a token"):
        _fields.token(fields(eos_token_id=[]), "eos_token_id", 1)
    with pytest.raises(FileProblem, match="eos_token_id"):
        _fields.token(fields(eos_token_id=-1), "eos_token_id", 1)
    with pytest.raises(FileProblem, match=r"pad_token_id.*null"):
        _fields.token(fields(pad_token_id=None), "pad_token_id", 1)


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
