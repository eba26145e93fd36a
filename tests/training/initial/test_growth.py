"""A grown model computes what the shallower one did, and its new layers learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from clearhead.config import TransformerConfig
from clearhead.errors import ConfigError
from clearhead.nn.transformer import Transformer
from clearhead.training.initial.growth import (
    check_growth,
    grow,
    grown_stack,
    growth_sentences,
)

SHAPE: dict[str, Any] = {
    "vocab_size": 20, "d_model": 16, "num_heads": 2, "encoder_layers": 2, "decoder_layers": 1,
    "feed_forward_dim": 24, "max_length": 16, "dropout": 0.0,
}  # fmt: skip


def config_of(**changes: Any) -> TransformerConfig:
    return TransformerConfig(**(SHAPE | changes))


def model_of(config: TransformerConfig, seed: int = 0) -> Transformer:
    """A model in float64 whose weights are all random, biases and norms among them."""
    model = Transformer(config).double()
    model.compute_dtype = torch.float64
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.3 * torch.randn(parameter.shape, generator=generator).double()
    return model.eval()


def grown_model(model: Transformer, config: TransformerConfig) -> Transformer:
    weights = {name: value.numpy() for name, value in model.state_dict().items()}
    check_growth(model.config, config)
    new = model_of(config, seed=1)
    arrays = grow(weights, model.config, config)
    new.load_state_dict({name: torch.from_numpy(array.copy()) for name, array in arrays.items()})
    return new


IDS = torch.tensor([[3, 4, 5, 2], [9, 2, 0, 0]]), torch.tensor([[1, 6, 7], [1, 8, 0]])


@pytest.mark.parametrize("part", [
    {}, {"norm": "rms", "bias": False}, {"positions": "relative"}, {"activation": "swiglu"},
    {"positions": "rotary", "num_kv_heads": 1, "tied_embeddings": False},
    {"attention": {"head_norm": True, "windows": (2,)}},
])  # fmt: skip
@pytest.mark.parametrize("layers", [(3, 1), (5, 2)])
def test_the_logits_are_the_same_to_the_last_bit(
    part: dict[str, Any], layers: tuple[int, int]
) -> None:
    part = {"attention": None, **part}
    attention = part.pop("attention")
    before = TransformerConfig.from_dict(
        SHAPE | part | ({"attention": attention} if attention else {})
    )
    model = model_of(before)
    new = grown_model(model, before.replace(encoder_layers=layers[0], decoder_layers=layers[1]))
    with torch.no_grad():
        expected, logits = model(*IDS), new(*IDS)
    assert logits.dtype == torch.float64
    assert torch.equal(logits, expected)


def test_new_layers_learn() -> None:
    """The last matrices of each sublayer in the first step, and all others from the second on."""
    model = model_of(config_of())
    new = grown_model(model, config_of(encoder_layers=3, decoder_layers=2))
    begin = {name: value.clone() for name, value in new.state_dict().items()}
    layers = [name for name in begin if name.startswith(("encoder.layers.2.", "decoder.layers.1."))]
    movements = []
    for _ in range(2):
        parameters = list(new.parameters())
        gradients = torch.autograd.grad(new(*IDS).square().sum(), parameters)
        with torch.no_grad():
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter -= 1e-3 * gradient
        state = new.state_dict()
        movements.append({name for name in layers if not torch.equal(state[name], begin[name])})
    last = ("attention.output.", "feed_forward.down.")
    assert movements[0] == {name for name in layers if any(part in name for part in last)}
    # The bias of keys alone never learns: softmax does not see what is added to every score.
    still = {name for name in layers if name not in movements[1]}
    assert all(name.endswith("attention.key.bias") for name in still)


def test_four_layers_become_six() -> None:
    layers = grown_stack(4, 6)
    assert [layer.origin for layer in layers] == [0, 1, 1, 2, 2, 3]
    assert [i for i, layer in enumerate(layers) if layer.is_new] == [2, 4]
    assert growth_sentences(config_of(encoder_layers=4), config_of(encoder_layers=6)) == [
        "encoder: 6 layers where training.initial has 4; new are 2, 4 (counted from 0), which "
        "begin without an effect"
    ]
    assert growth_sentences(config_of(), config_of()) == []


@given(st.integers(1, 30), st.integers(0, 70))
def test_new_layers_are_spread_evenly(before: int, extra: int) -> None:
    layers = grown_stack(before, before + extra)
    old = [layer.origin for layer in layers if not layer.is_new]
    assert old == list(range(before))
    assert sum(layer.is_new for layer in layers) == extra
    origins = [layer.origin for layer in layers]
    assert origins == sorted(origins)
    assert not layers[0].is_new
    counts = [origins.count(i) for i in range(before)]
    assert max(counts) - min(counts) <= 1 + (extra < before)
    inner = counts[1:-1]
    assert not inner or max(inner) - min(inner) <= 1


@pytest.mark.parametrize(
    ("before", "now", "words"),
    [
        (
            {},
            {"encoder_layers": 1},
            "has model.encoder_layers = 2 and this run 1. A model may",
        ),
        ({"decoder_layers": 3}, {"decoder_layers": 2}, "set model.decoder_layers to 3 or more"),
        (
            {"norm_place": "after"},
            {"norm_place": "after", "encoder_layers": 3},
            "with model.norm_place = 'before' alone, and it is 'after': set model.encoder_layers",
        ),
        ({"norm_place": "both"}, {"norm_place": "both", "decoder_layers": 2}, "it is 'both'"),
        ({"encoder_layers": 0}, {"encoder_layers": 2}, "there is no layer of which the new ones"),
    ],
)
def test_what_cannot_grow(before: dict[str, Any], now: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as error:
        check_growth(config_of(**before), config_of(**now))
    assert words in str(error.value)


def test_windows_go_by_the_number_of_a_layer() -> None:
    before = TransformerConfig.from_dict(
        SHAPE | {"decoder_layers": 3, "attention": {"windows": [3, 0]}}
    )
    with pytest.raises(ConfigError, match="its layer 2 would be layer 3, with another window"):
        check_growth(before, before.replace(decoder_layers=4))
    check_growth(before, before.replace(encoder_layers=5))
    check_growth(before.replace(decoder_layers=1), before.replace(decoder_layers=2))


def test_a_model_of_the_same_depth_is_itself() -> None:
    config = config_of()
    weights = {name: value.numpy() for name, value in model_of(config).state_dict().items()}
    same = grow(weights, config, config)
    assert same.keys() == weights.keys()
    assert all(np.array_equal(same[name], weights[name]) for name in weights)
