"""What all families read of a config.json: activations, windows, token ids, refusals."""

from __future__ import annotations

import contextlib
import copy
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhead.config import GATED_ACTIVATIONS
from clearhead.errors import ConfigError
from clearhead.file_reading import FileProblem
from clearhead.json_fields import Fields
from clearhead.pretrained.decoders._config import (
    activation,
    layer_count,
    refuse,
    token_ids,
    windows,
    with_defaults,
)
from clearhead.pretrained.families import family_of
from clearhead.reference.layers.feed_forward import activation as function
from clearhead.reference.weights import expected_shapes
from tests.pretrained.decoders.checkpoints import FAMILIES, small_config
from tests.pretrained.decoders.hub_configs import HUB


def fields(**members):
    return Fields(members, "config.json")


@pytest.mark.parametrize(
    ("model_type", "name"),
    [
        ("gpt2", "GPT2"),
        ("llama", "Llama"),
        ("mistral", "Mistral"),
        ("qwen2", "Qwen2"),
        ("qwen3", "Qwen3"),
        ("gemma2", "Gemma2"),
        ("gemma3_text", "Gemma3Text"),
        ("gpt_neox", "GPTNeoX"),
        ("gpt_neo", "GPTNeo"),
    ],
)
def test_a_field_that_a_file_lacks_has_the_default_of_transformers(model_type, name):
    transformers = pytest.importorskip("transformers")
    theirs = getattr(transformers, f"{name}Config")().to_json_string(use_diff=False)
    read_config = family_of(model_type).read_config
    assert read_config(fields(model_type=model_type)) == read_config(fields(**json.loads(theirs)))


@pytest.mark.parametrize("name", HUB)
def test_files_of_the_hub_are_read_as_transformers_reads_them(name):
    count, members = HUB[name]
    family = family_of(members["model_type"])
    config = family.read_config(fields(**members))
    assert sum(map(math.prod, expected_shapes(config).values())) == count
    mapping = pytest.importorskip("transformers").CONFIG_MAPPING
    theirs = mapping[members["model_type"]](**copy.deepcopy(members))
    rewritten = json.loads(theirs.to_json_string(use_diff=False))
    assert family.read_config(fields(**rewritten)) == config


def test_a_field_that_is_absent_has_the_default_and_one_that_is_null_is_null():
    merged = with_defaults(fields(window=None), {"window": 4096, "layers": 2})
    assert merged.members() == {"window": None, "layers": 2}


@pytest.mark.parametrize(
    "members",
    [
        {"is_causal": False},
        {"use_bidirectional_attention": True},
        {"add_cross_attention": True},
        {"per_layer_config": {"0": {"head_dim": 8}}},
    ],
)
def test_what_is_not_computed_is_refused_by_name(members):
    with pytest.raises(ConfigError, match=f"'{next(iter(members))}' of config.json is .*cannot"):
        with_defaults(fields(**members), {})


@pytest.mark.parametrize("value", [None, False, {}, []])
def test_what_is_off_is_not_refused(value):
    refuse(fields(key=value), "key", reason="")
    refuse(fields(), "key", reason="")


def test_a_number_is_no_flag():
    with pytest.raises(ConfigError, match=r"'key' of config\.json is 0"):
        refuse(fields(key=0), "key", reason="it is a flag")


NAMES = ("relu", "gelu", "gelu_python", "gelu_new", "gelu_fast", "gelu_accurate")
NAMES += ("gelu_pytorch_tanh", "gelu_python_tanh", "silu", "swish")


@pytest.mark.parametrize("gated", [False, True])
def test_every_activation_is_that_of_transformers(gated):
    torch = pytest.importorskip("torch")
    functions = pytest.importorskip("transformers").activations.ACT2FN
    x = np.linspace(-6, 6, 101)
    for name in NAMES:
        value = activation(fields(act=name), "act", gated=gated)
        assert (value in GATED_ACTIVATIONS) == gated
        expected = functions[name](torch.tensor(x)).numpy()
        np.testing.assert_allclose(function(value)(x), expected, atol=1e-10, err_msg=name)


@pytest.mark.parametrize("name", ["quick_gelu", "gelu_10", "relu2", "tanh", "mish", "GELU", ""])
def test_an_activation_that_is_not_computed_is_named_beside_those_that_are(name):
    with pytest.raises(ConfigError, match=rf"'act' of config\.json is '{name}'.*relu, gelu.*swish"):
        activation(fields(act=name), "act", gated=False)


def test_token_ids_are_the_first_of_several_and_the_end_token_where_there_is_none():
    both = {"bos_token_id": 5, "eos_token_id": [7, 8]}
    assert token_ids(fields(**both), 10) == {"pad_id": 7, "start_id": 5, "end_id": 7}
    every = {**both, "pad_token_id": 0, "eos_token_id": 2}
    assert token_ids(fields(**every), 10) == {"pad_id": 0, "start_id": 5, "end_id": 2}
    assert token_ids(fields(), 10) == {"pad_id": 0, "start_id": 0, "end_id": 0}
    assert token_ids(fields(eos_token_id=[]), 1) == {"pad_id": 0, "start_id": 0, "end_id": 0}


@given(st.integers(-2, 6), st.integers(-2, 6), st.integers(1, 4))
def test_token_ids_are_of_the_vocabulary(pad, end, vocab_size):
    ids = token_ids(fields(pad_token_id=pad, eos_token_id=end), vocab_size)
    assert all(0 <= one < vocab_size for one in ids.values())
    assert ids["end_id"] == end or not 0 <= end < vocab_size
    assert ids["pad_id"] == pad or not 0 <= pad < vocab_size


@pytest.mark.parametrize("value", ["2", 1.5, True, [2.5]])
def test_a_token_id_that_is_no_number_is_named(value):
    with pytest.raises(FileProblem, match="eos_token_id"):
        token_ids(fields(eos_token_id=value), 10)


def test_windows_by_the_types_of_layers():
    three = {"num_hidden_layers": 3, "sliding_window": 5}
    local, whole = "sliding_attention", "full_attention"
    assert windows(fields(**three), [local, whole, local]) == (5, 0, 5)
    assert windows(fields(**three), [local] * 3) == (5,)
    assert windows(fields(**three), [whole] * 3) == ()


@pytest.mark.parametrize(
    ("members", "types", "words"),
    [
        ({}, ["full_attention"], "has 1 entries, and 'num_hidden_layers' is 2"),
        ({}, ["full_attention", "chunked_attention"], "chunked_attention.*not computed"),
        ({"sliding_window": None}, ["sliding_attention"] * 2, "no window is set"),
    ],
)
def test_windows_that_cannot_be_computed_are_named(members, types, words):
    with pytest.raises(ConfigError, match=words):
        windows(fields(num_hidden_layers=2, **members), types)


def test_an_empty_window_is_refused():
    with pytest.raises(FileProblem, match="sliding_window"):
        windows(fields(num_hidden_layers=1, sliding_window=0), ["sliding_attention"])


def test_more_layers_than_any_model_has_are_refused():
    with pytest.raises(FileProblem, match="num_hidden_layers"):
        layer_count(fields(num_hidden_layers=10**9))


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 70)
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["silu", "linear", "sliding_attention", ""]),
    lambda inside: (
        st.lists(inside, max_size=3)
        | st.dictionaries(st.sampled_from(["rope_type", "factor", "full_attention"]), inside)
    ),
    max_leaves=4,
)


@pytest.mark.parametrize("name", FAMILIES)
@given(st.data())
def test_no_value_of_any_field_raises_another_error_than_ours(name, data):
    members = json.loads(small_config(name).to_json_string(use_diff=False))
    read_config = family_of(members["model_type"]).read_config
    extra = [
        "rope_theta",
        "rope_scaling",
        "rotary_pct",
        "rotary_emb_base",
        "sliding_window_pattern",
    ]
    for key in data.draw(st.lists(st.sampled_from([*members, *extra]), min_size=1, max_size=3)):
        members[key] = data.draw(JSON_VALUES)
    members["model_type"] = small_config(name).model_type
    with contextlib.suppress(ConfigError, FileProblem):
        read_config(fields(**members))
