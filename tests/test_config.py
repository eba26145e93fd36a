"""TransformerConfig: frozen, keyword-only, and plain about what it refuses."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhead.config import ACTIVATIONS, NORM_PLACES, NORMS, POSITIONS, TransformerConfig
from clearhead.errors import ConfigError


@st.composite
def configs(draw: st.DrawFn) -> TransformerConfig:
    num_heads = draw(st.sampled_from([1, 2, 4, 6]))
    divisors = [n for n in range(1, num_heads + 1) if num_heads % n == 0]
    return TransformerConfig(
        vocab_size=draw(st.integers(3, 1000)),
        d_model=num_heads * 2 * draw(st.integers(1, 8)),
        num_heads=num_heads,
        num_kv_heads=draw(st.sampled_from([None, *divisors])),
        encoder_layers=draw(st.integers(0, 3)),
        decoder_layers=draw(st.integers(1, 3)),
        feed_forward_dim=draw(st.integers(1, 64)),
        activation=draw(st.sampled_from(ACTIVATIONS)),
        norm=draw(st.sampled_from(NORMS)),
        norm_place=draw(st.sampled_from(NORM_PLACES)),
        positions=draw(st.sampled_from(POSITIONS)),
        dropout=draw(st.floats(0, 0.9)),
        bias=draw(st.booleans()),
    )


@given(configs())
def test_json_gives_back_the_same_config(config):
    assert TransformerConfig.from_dict(json.loads(config.to_json())) == config
    assert TransformerConfig.from_dict(config.to_dict()) == config


@given(configs())
def test_heads_divide_the_width_and_groups_divide_the_heads(config):
    assert config.head_dim * config.num_heads == config.d_model
    assert config.num_heads % config.key_value_heads == 0
    assert config.key_value_heads == (config.num_kv_heads or config.num_heads)


def test_it_is_frozen_keyword_only_and_hashable():
    config = TransformerConfig(vocab_size=10)
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.d_model = 8
    with pytest.raises(TypeError):
        TransformerConfig(10)
    assert {config: 1}[TransformerConfig(vocab_size=10)] == 1


def test_replace_changes_one_setting_and_checks_the_whole():
    config = TransformerConfig(vocab_size=10, d_model=64, num_heads=4)
    assert config.replace(num_heads=8).head_dim == 8
    assert config.num_heads == 4
    with pytest.raises(ConfigError, match="64 is not a multiple of 5"):
        config.replace(num_heads=5)
    with pytest.raises(ConfigError, match="'heads'"):
        config.replace(heads=5)


def test_an_unknown_setting_is_named_and_the_known_ones_listed():
    with pytest.raises(ConfigError) as error_info:
        TransformerConfig.from_dict({"vocab_size": 10, "n_layers": 2, "attn": 1})
    message = str(error_info.value)
    assert message.startswith("Unknown model setting 'attn', 'n_layers'. The settings are: ")
    for field in dataclasses.fields(TransformerConfig):
        assert field.name in message


def test_vocab_size_has_no_default():
    with pytest.raises(ConfigError, match=r"The model settings lack vocab_size\."):
        TransformerConfig.from_dict({"d_model": 8})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"d_model": 0}, "d_model must be at least 1; it is 0."),
        ({"max_length": -1}, "max_length must be at least 1; it is -1."),
        ({"encoder_layers": -1}, "encoder_layers must be at least 0; it is -1."),
        (
            {"encoder_layers": 0, "decoder_layers": 0},
            "A model needs layers: encoder_layers and decoder_layers are both 0.",
        ),
        (
            {"d_model": 10, "num_heads": 4},
            "d_model must be a multiple of num_heads; 10 is not a multiple of 4.",
        ),
        (
            {"num_heads": 4, "num_kv_heads": 3},
            "num_heads must be a multiple of num_kv_heads; 4 is not a multiple of 3.",
        ),
        (
            {"num_heads": 4, "num_kv_heads": 0},
            "num_heads must be a multiple of num_kv_heads; 4 is not a multiple of 0.",
        ),
        ({"dropout": 1.0}, "dropout must be at least 0 and below 1; it is 1.0."),
        (
            {"attention_dropout": -0.1},
            "attention_dropout must be at least 0 and below 1; it is -0.1.",
        ),
        ({"pad_id": 10}, "pad_id must be a token id below vocab_size (10); it is 10."),
        (
            {"activation": "tanh"},
            f"activation must be one of {', '.join(ACTIVATIONS)}; it is 'tanh'.",
        ),
        ({"norm": "batch"}, "norm must be one of layer, rms; it is 'batch'."),
        (
            {"norm_place": "middle"},
            "norm_place must be one of before, after, both; it is 'middle'.",
        ),
        (
            {"positions": "absolute"},
            f"positions must be one of {', '.join(POSITIONS)}; it is 'absolute'.",
        ),
        (
            {"positions": "sinusoidal", "d_model": 9, "num_heads": 3},
            "sinusoidal positions need an even d_model; it is 9.",
        ),
        (
            {"positions": "rotary", "d_model": 12, "num_heads": 4},
            "rotary positions need an even head_dim (d_model / num_heads); it is 3.",
        ),
        (
            {"positions": "relative", "relative_buckets": 3},
            "relative_buckets must be at least 4 for a model with encoder layers; it is 3.",
        ),
        (
            {"positions": "relative", "relative_buckets": 1, "encoder_layers": 0},
            "relative_buckets must be at least 2 for a model with decoder layers; it is 1.",
        ),
        (
            {"positions": "relative", "relative_max_distance": 16},
            "relative_max_distance must be more than 16, the distances that have a bucket of "
            "their own when the decoder has relative_buckets = 32; it is 16.",
        ),
        (
            {"positions": "relative", "relative_max_distance": 8, "decoder_layers": 0},
            "relative_max_distance must be more than 8, the distances that have a bucket of "
            "their own when the encoder has relative_buckets = 32; it is 8.",
        ),
    ],
)
def test_what_it_refuses_it_says(settings, message):
    with pytest.raises(ConfigError) as error_info:
        TransformerConfig(**{"vocab_size": 10, **settings})
    assert str(error_info.value) == message


@pytest.mark.parametrize(
    "settings",
    [
        {"positions": "relative", "relative_buckets": 4, "relative_max_distance": 3},
        {"relative_buckets": 2, "relative_max_distance": 2, "encoder_layers": 0},
        {"relative_max_distance": 9, "decoder_layers": 0},
    ],
)
def test_the_least_that_relative_positions_need(settings):
    """From there on, buckets grow with the distance up to the last."""
    import numpy as np

    from clearhead.reference.positions import relative_buckets

    config = TransformerConfig(**{"vocab_size": 10, "positions": "relative", **settings})
    distances = np.arange(0, -50, -1)
    for side in ("encoder", "decoder"):
        if getattr(config, f"{side}_layers"):
            both = side == "encoder"
            buckets = relative_buckets(
                distances,
                bidirectional=both,
                num_buckets=config.relative_buckets,
                max_distance=config.relative_max_distance,
            )
            assert buckets[0] == 0
            assert (np.diff(buckets) >= 0).all()
            assert buckets[-1] == config.relative_buckets // (2 if both else 1) - 1


def test_other_positions_leave_the_buckets_alone():
    assert TransformerConfig(vocab_size=10, relative_buckets=0).relative_buckets == 0


IMAGES = {
    "vocab_size": 3,
    "decoder_layers": 0,
    "tied_embeddings": False,
    "scale_embedding": False,
    "patches": {"height": 4, "width": 3, "image_height": 13, "image_width": 9},
}


def test_patches_are_counted():
    config = TransformerConfig.from_dict(IMAGES)
    part = config.patches
    assert config.reads_images
    assert (part.rows, part.columns, part.pixels, part.length) == (3, 3, 36, 9)
    assert config.replace(patches={**IMAGES["patches"], "class_token": True}).patches.length == 10
    assert TransformerConfig.from_dict(json.loads(config.to_json())) == config
    assert not TransformerConfig(vocab_size=3).reads_images


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"patches": {"height": 2}}, "patches.height must be at least 1 and at most"),
        ({"patches": {**IMAGES["patches"], "width": 10}}, "image_width; they are 10 and 9"),
        ({"patches": {"class_token": True}}, "patches.height must be at least 1"),
        ({"decoder_layers": 1}, "no tokens.*but decoder_layers is 1"),
        ({"tied_embeddings": True}, "but tied_embeddings is True, output.tied is True"),
        ({"scale_embedding": True}, "but scale_embedding is True"),
        ({"embedding": {"token_types": 2}}, "but embedding.token_types is 2"),
        ({"max_length": 8}, "An image has 9 positions, and max_length is 8"),
        ({"output": {"matrix": False, "tied": True}}, "tied to an embedding"),
        ({"output": {"matrix": False, "bias": True}}, "nothing for another setting"),
    ],
)
def test_what_images_have_no_place_for(changes, message):
    with pytest.raises(ConfigError, match=message):
        TransformerConfig.from_dict({**IMAGES, **changes})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"decoder_layers": 1}, "for models that read texts, without a decoder"),
        ({"output": {"labels": 3, "tied": True}}, "the matrix of 3 labels is no embedding"),
        ({"output": {"labels": 3, "matrix": False}}, "nothing for another setting"),
    ],
)
def test_what_labels_have_no_place_for(changes, message):
    settings = {"vocab_size": 9, "decoder_layers": 0, "output": {"labels": 3}}
    config = TransformerConfig.from_dict(settings)
    assert (config.tied_output, config.output_name, config.output_size) == (False, "output", 3)
    assert TransformerConfig.from_dict(config.to_dict()) == config
    with pytest.raises(ConfigError) as error:
        TransformerConfig.from_dict({**settings, **changes})
    assert message in str(error.value)


def test_settings_that_nobody_changed_are_not_written():
    """Files of configs that were written before there were such settings stay as they are."""
    config = TransformerConfig.from_dict({"vocab_size": 9, "output": {"bias": True}})
    assert "patches" not in config.to_dict()
    assert set(config.to_dict()["output"]) == {"tied", "bias", "scale", "softcap", "transform"}
    without = TransformerConfig.from_dict({**IMAGES, "output": {"matrix": False}})
    assert without.to_dict()["output"]["matrix"] is False
    assert TransformerConfig.from_dict(without.to_dict()) == without
