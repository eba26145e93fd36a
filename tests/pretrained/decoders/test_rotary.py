"""Rotary positions in every spelling, against what transformers makes of the same file."""

from __future__ import annotations

import copy

import pytest

from clearhead.config_parts import RotaryConfig
from clearhead.errors import ConfigError
from clearhead.json_fields import Fields
from clearhead.pretrained.decoders._rotary import read_rotary

LLAMA3 = {
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}
SPELLINGS = [
    {},
    {"rope_theta": 500.0},
    {"rope_theta": 500},
    {"rope_theta": 500.0, "rope_scaling": None},
    {"rope_theta": 500.0, "rope_scaling": {"type": "linear", "factor": 4.0}},
    {"rope_theta": 500.0, "rope_scaling": {"rope_type": "linear", "factor": 4}},
    {"rope_theta": 500.0, "rope_scaling": {"rope_type": "llama3", **LLAMA3}},
    {"rope_parameters": {"rope_type": "default", "rope_theta": 500.0}},
    {"rope_parameters": {"rope_theta": 500.0}, "rope_theta": 700.0},
    {"rope_parameters": {"rope_type": "linear", "factor": 2.0}, "rope_theta": 700.0},
    {"rope_parameters": {"rope_type": "llama3", "rope_theta": 500.0, **LLAMA3}},
    {
        "rope_parameters": {
            "rope_type": "llama3",
            "rope_theta": 500.0,
            **{key: LLAMA3[key] for key in list(LLAMA3)[:3]},
        }
    },
    {
        "rope_scaling": {"rope_type": "linear", "factor": 3.0},
        "rope_parameters": {"rope_type": "default", "rope_theta": 500.0},
    },
    {"rope_scaling": {"rope_type": "llama3", **LLAMA3}, "original_max_position_embeddings": 32},
]


@pytest.mark.parametrize("members", SPELLINGS)
def test_every_spelling_means_what_transformers_means(members):
    transformers = pytest.importorskip("transformers")
    config = transformers.LlamaConfig(max_position_embeddings=128, **copy.deepcopy(members))
    config.standardize_rope_params()  # as a model does, when it has all fields of the file
    theirs = config.rope_parameters
    rotary = read_rotary(Fields({"max_position_embeddings": 128, **members}, "config.json"))
    assert rotary.base == theirs["rope_theta"]
    kind = theirs["rope_type"]
    assert rotary.config.scaling == ("none" if kind == "default" else kind)
    assert rotary.config.factor == theirs.get("factor", 1.0)
    if kind == "llama3":
        assert rotary.config.low_frequency_factor == theirs["low_freq_factor"]
        assert rotary.config.high_frequency_factor == theirs["high_freq_factor"]
        assert rotary.config.original_length == theirs["original_max_position_embeddings"]
    else:
        assert rotary.config == RotaryConfig(
            scaling=rotary.config.scaling, factor=rotary.config.factor
        )


@pytest.mark.parametrize("kind", ["dynamic", "yarn", "longrope", "su", "proportional"])
@pytest.mark.parametrize("key", ["rope_type", "type"])
def test_a_scaling_that_is_not_computed_is_named(kind, key):
    members = {"rope_scaling": {key: kind, "factor": 2.0}}
    with pytest.raises(ConfigError, match=f"'{kind}', which is not computed.*linear, llama3"):
        read_rotary(Fields(members, "config.json"))


def test_settings_for_each_type_of_layer_are_refused():
    members = {"rope_parameters": {"full_attention": {"rope_type": "default"}}}
    with pytest.raises(ConfigError, match="one set of rotary positions"):
        read_rotary(Fields(members, "config.json"))


@pytest.mark.parametrize("where", ["inside", "beside"])
def test_a_part_of_each_head_is_refused_where_transformers_reads_it(where):
    share = {"partial_rotary_factor": 0.5}
    inside = {"rope_type": "linear", "factor": 2.0, **(share if where == "inside" else {})}
    members = {"rope_parameters": inside, **(share if where == "beside" else {})}
    with pytest.raises(ConfigError, match=r"'partial_rotary_factor' of config\.json is 0\.5"):
        read_rotary(Fields(members, "config.json"))
    assert read_rotary(Fields(share, "config.json")).config == RotaryConfig()
