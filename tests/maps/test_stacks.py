"""Which maps of a recording are the layers of one stack."""

from __future__ import annotations

import pytest
import torch

from clearhead.errors import ConfigError
from clearhead.maps.attention_map import AttentionMap
from clearhead.maps.stacks import self_attention_stack
from clearhead.maps.storage.provenance import Source
from clearhead.maps.storage.summary_map import SummaryMap


def make_maps(*names):
    tensor = torch.randn(1, 1, 3, 4)
    return {
        name: AttentionMap.of(
            tensor, tensor, source=Source(module=name, kind="cross" if "cross" in name else "self")
        )
        for name in names
    }


ENCODER_DECODER = make_maps(
    "encoder.layers.0.self_attn",
    "encoder.layers.1.self_attn",
    "decoder.layers.0.self_attn",
    "decoder.layers.0.cross_attn",
)


def test_the_one_stack_of_a_model():
    maps = make_maps("blocks.0.attn", "blocks.1.attn", "blocks.10.attn")
    assert self_attention_stack(maps) == list(maps.values())


def test_an_encoder_and_a_decoder_must_be_chosen_from():
    with pytest.raises(ConfigError) as error:
        self_attention_stack(ENCODER_DECODER)
    assert "these are 2: 'encoder.layers.*.self_attn' (2 layers), 'decoder.layers.*" in str(
        error.value
    )
    assert "layers='encoder.layers.*.self_attn'" in str(error.value)
    selection = self_attention_stack(ENCODER_DECODER, "encoder.layers.*.self_attn")
    assert selection == [ENCODER_DECODER[f"encoder.layers.{i}.self_attn"] for i in (0, 1)]
    # Cross-attention is never a part of a stack, whatever the pattern.
    assert self_attention_stack(ENCODER_DECODER, "decoder*") == [
        ENCODER_DECODER["decoder.layers.0.self_attn"]
    ]


def test_names_are_taken_as_they_are():
    names = ["encoder.layers.1.self_attn", "encoder.layers.0.self_attn"]
    assert self_attention_stack(ENCODER_DECODER, names) == [ENCODER_DECODER[n] for n in names]
    with pytest.raises(
        ConfigError, match=r"There is no map 'layers.7'. Recorded are: encoder.layers"
    ):
        self_attention_stack(ENCODER_DECODER, ["layers.7"])


def test_no_map_is_left():
    with pytest.raises(ConfigError, match="matches 'vision"):
        self_attention_stack(ENCODER_DECODER, "vision*")
    with pytest.raises(ConfigError, match=r"none was recorded. Recorded are: a.cross_attn"):
        self_attention_stack(make_maps("a.cross_attn"))


class Recorded(dict):
    """What a stack asks of a recording: names, the maps of all calls, and one of them."""

    def calls(self, name):
        return super().__getitem__(name)

    def __getitem__(self, layer):
        name, call = layer
        return super().__getitem__(name)[call]


def test_maps_in_their_order_are_taken_as_they_are():
    maps = list(ENCODER_DECODER.values())
    assert self_attention_stack(maps) == maps


def test_a_module_that_is_called_for_every_layer_is_a_stack():
    maps = list(make_maps("a", "b", "c").values())
    assert self_attention_stack(Recorded({"encoder.layer": maps})) == maps


def test_two_passes_are_no_stack_but_their_calls_are():
    first, second, third, fourth = make_maps("a", "b", "c", "d").values()
    twice = Recorded({"layers.0": [first, third], "layers.1": [second, fourth]})
    with pytest.raises(ConfigError) as error:
        self_attention_stack(twice)
    assert "'layers.0' was called 2 times" in str(error.value)
    assert "layers=[('layers.0', 0), ...]" in str(error.value)
    choice = [("layers.0", 1), ("layers.1", 1)]
    assert self_attention_stack(twice, choice) == [third, fourth]


@pytest.mark.parametrize("layers", [None, ["layers.0"]])
def test_of_summaries_there_is_no_stack(layers):
    maps = {"layers.0": SummaryMap((1, 1, 3, 3), Source(), {})}
    with pytest.raises(ConfigError, match="only summaries were kept: record without summaries"):
        self_attention_stack(maps, layers)
