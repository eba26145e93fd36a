"""What the configs of all families are read with: activations, values with defaults, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.config import GATED_ACTIVATIONS
from clearhead.errors import ConfigError
from clearhead.file_reading import FileProblem
from clearhead.json_fields import Fields
from clearhead.pretrained.config_fields import (
    ACTIVATIONS,
    activation,
    flag,
    number,
    our_activation,
    refuse,
    refuse_uneven_layers,
    size,
    token,
)
from clearhead.reference.layers.feed_forward import activation as function_of


def fields(**members):
    return Fields(members, "config.json")


@pytest.mark.parametrize("gated", [False, True])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_is_the_function_of_transformers(name, gated):
    torch = pytest.importorskip("torch")
    functions = pytest.importorskip("transformers.activations").ACT2FN
    x = np.linspace(-6, 6, 101)
    ours = activation(fields(act=name), "act", gated=gated)
    assert (ours in GATED_ACTIVATIONS) == gated
    theirs = functions[name](torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(function_of(ours)(x.copy()), theirs, rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", ["quick_gelu", "gelu_10", "relu2", "tanh", "mish", "GELU", ""])
def test_an_activation_that_is_not_computed_is_told_with_those_that_are(name):
    message = rf"'act' of config\.json is '{name}'.*relu, gelu.*gelu_new.*swish"
    with pytest.raises(ConfigError, match=message):
        activation(fields(act=name), "act")
    with pytest.raises(ConfigError, match=message):
        our_activation(name, "act", fields(), gated=True)


def test_an_activation_has_a_default_where_there_is_one():
    assert activation(fields(), "act", default="gelu_new") == "gelu_tanh"
    assert activation(fields(act=None), "act", default="silu", gated=True) == "swiglu"
    assert activation(fields(act="relu"), "act", default="silu") == "relu"
    with pytest.raises(FileProblem, match="lacks 'act'"):
        activation(fields(), "act")
    with pytest.raises(FileProblem, match="null"):
        activation(fields(act=None), "act")


@pytest.mark.parametrize("members", [{}, {"key": None}])
def test_flags_and_numbers_have_defaults(members):
    assert number(fields(**members), "key", 1e-12) == 1e-12
    assert flag(fields(**members), "key", default=True)
    assert not flag(fields(**members), "key", default=False)


def test_flags_and_numbers_are_read():
    assert number(fields(key=2), "key", 0.5) == 2.0
    assert flag(fields(key=True), "key", default=False)
    with pytest.raises(FileProblem, match="not true or false"):
        flag(fields(key=1), "key", default=True)
    with pytest.raises(FileProblem, match="not a number"):
        number(fields(key=True), "key", 0.5)


def test_a_size_is_read_under_either_name():
    assert size(fields(d_model=8), "d_model", 3, alias="hidden_size") == 8
    assert size(fields(hidden_size=8), "d_model", 3, alias="hidden_size") == 8
    assert size(fields(hidden_size=8, d_model=8), "d_model", alias="hidden_size") == 8
    assert size(fields(), "d_model", 3, alias="hidden_size") == 3
    both = fields(d_model=8, hidden_size=9)
    with pytest.raises(ConfigError, match=r"'d_model'.*is 8 and 'hidden_size'.*is 9"):
        size(both, "d_model", 3, alias="hidden_size")
    with pytest.raises(FileProblem, match="lacks 'd_model'"):
        size(fields(), "d_model", alias="hidden_size")


@pytest.mark.parametrize("value", [0, -3, 2.5, "8", None, True])
def test_what_is_no_size_is_refused(value):
    for default in (None, 3):
        with pytest.raises(FileProblem, match="d_model"):
            size(fields(d_model=value), "d_model", default)


def test_of_several_tokens_the_first_is_read():
    assert token(fields(eos_token_id=[4, 5]), "eos_token_id", 1) == 4
    assert token(fields(eos_token_id=6), "eos_token_id", 1) == 6
    assert token(fields(), "eos_token_id", 1) == 1
    assert token(fields(eos_token_id=None), "eos_token_id", 1) == 1
    with pytest.raises(ConfigError, match="list without a token"):
        token(fields(eos_token_id=[]), "eos_token_id", 1)
    for value in (-1, [-1], "2"):
        with pytest.raises(FileProblem, match="eos_token_id"):
            token(fields(eos_token_id=value), "eos_token_id", 1)


@pytest.mark.parametrize("value", [None, False, {}, []])
def test_what_is_off_is_not_refused(value):
    refuse(fields(key=value), "key", reason="")
    refuse(fields(), "key", reason="")


@pytest.mark.parametrize(("value", "spelling"), [(0, "0"), (True, "true"), ("on", "'on'")])
def test_what_is_on_is_refused_with_the_reason_and_what_to_do(value, spelling):
    message = rf"'key' of config\.json is {spelling}, .* here: it is a flag\. Save it again\."
    with pytest.raises(ConfigError, match=message):
        refuse(fields(key=value), "key", reason="it is a flag", remedy="Save it again.")


def test_what_is_fine_is_of_the_same_type():
    refuse(fields(key=True), "key", unless=(True,), reason="")
    with pytest.raises(ConfigError, match=r"is 1, which is not computed here"):
        refuse(fields(key=1), "key", unless=(True,), reason="")


def test_layers_of_different_sizes_are_refused():
    keys = ("pruned_heads", "per_layer_config")
    refuse_uneven_layers(fields(pruned_heads={}, per_layer_config=None), *keys)
    for key in keys:
        with pytest.raises(ConfigError, match=f"'{key}'.*same sizes"):
            refuse_uneven_layers(fields(**{key: {"0": [1]}}), *keys)
