"""The names of a model of ours, and the steps that its modules end with."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from clearhead.config_parts import AttentionConfig
from clearhead.errors import ConfigError
from clearhead.interventions.steps.layout import Layout
from clearhead.reference.tracing.trace import Trace
from clearhead.reference.transformer import Transformer
from tests.reference.models import random_weights, small_config


def layout(**changes):
    return Layout.of(small_config(**changes))


@pytest.mark.parametrize("softcap", [None, 3.0])
@pytest.mark.parametrize("norms", ["before", "after", "both"])
def test_every_name_is_that_of_a_step_that_a_pass_has(norms, softcap):
    config = small_config(norm_place=norms)
    attention = dataclasses.replace(config.attention or AttentionConfig(), softcap=softcap)
    config = dataclasses.replace(config, attention=attention)
    trace = Trace()
    model = Transformer(config, random_weights(config))
    model.forward(np.array([[5, 6, 2]]), np.array([[1, 7]]), trace=trace)
    outputs = Layout.of(config).outputs
    assert set(outputs.values()) <= set(trace.paths)
    # A layer's output is what the next one reads.
    np.testing.assert_array_equal(
        trace[outputs["decoder.layers.0"]].value, trace["decoder.layers.1.input"].value
    )


def test_patterns_stand_for_modules_before_steps():
    names = layout().matching("*.cross_attention*")
    assert names == [
        "decoder.layers.0.cross_attention",
        "decoder.layers.0.cross_attention_norm",
        "decoder.layers.1.cross_attention",
        "decoder.layers.1.cross_attention_norm",
    ]
    assert layout().matching("decoder.layers.?") == ["decoder.layers.0", "decoder.layers.1"]
    assert layout().matching("decoder.*.scaled") == [
        f"decoder.layers.{layer}.{part}.scaled"
        for layer in range(2)
        for part in ("self_attention", "cross_attention")
    ]


def test_attentions_are_in_the_order_in_which_they_run():
    assert layout(encoder_layers=1, decoder_layers=1).attentions == [
        "encoder.layers.0.self_attention",
        "decoder.layers.0.self_attention",
        "decoder.layers.0.cross_attention",
    ]
    assert layout(encoder_layers=0, decoder_layers=1).attentions == [
        "decoder.layers.0.self_attention"
    ]


def test_a_name_that_is_none():
    with pytest.raises(ConfigError, match=r"no module 'encoder.layers.7'. Did you mean 'encoder"):
        layout().matching("encoder.layers.7")
    with pytest.raises(ConfigError, match=r"no module '\?\?'. Its modules are named 'encoder',"):
        layout().matching("??")


def test_whose_attention_a_name_is():
    one = layout()
    path = "decoder.layers.0.self_attention"
    assert one.attention_of(path) == one.attention_of(f"{path}.weights") == path
    assert one.attention_of("decoder.layers.0") is None
    assert one.attention_of(f"{path}.projected") is None
