"""The PyTorch model and the NumPy reference are the same numbers in all that other models have."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from clearhead import nn
from clearhead.config import TransformerConfig
from clearhead.config_parts import ROTARY_SCALINGS, SINUSOIDS
from clearhead.engine.reference_engine import ReferenceEngine
from clearhead.reference.transformer import Transformer as Reference
from clearhead.reference.weights import expected_shapes
from tests.reference.models import random_ids, random_weights, small_config, wide_configs

Ids = np.ndarray | None


def pair(config: TransformerConfig, seed: int) -> tuple[nn.Transformer, Reference]:
    """The layers and the reference, both in float64, with the same random weights."""
    weights = random_weights(config, seed)
    layers = nn.Transformer(config).double().eval()
    layers.load_state_dict({name: torch.from_numpy(each) for name, each in weights.items()})
    return layers, Reference(config, weights)


def tensors(*ids: Ids) -> list[torch.Tensor | None]:
    return [None if each is None else torch.from_numpy(each) for each in ids]


def inputs(
    rng: np.random.Generator, config: TransformerConfig
) -> tuple[Ids, Ids, dict[str, np.ndarray]]:
    """Source and target with padding at the end, and whatever stands beside them."""
    source = padded(rng, config, 7) if config.encoder_layers else None
    target = padded(rng, config, 6) if config.decoder_layers else None
    options: dict[str, np.ndarray] = {}
    if config.embedding.token_types and source is not None and rng.random() < 0.7:
        options["token_types"] = rng.integers(0, config.embedding.token_types, source.shape)
    return source, target, options


def padded(rng: np.random.Generator, config: TransformerConfig, length: int) -> np.ndarray:
    ids = random_ids(rng, config, 3, length)
    for row in range(1, 3):
        ids[row, rng.integers(1, length + 1) :] = config.pad_id
    return ids


def compare(ours: torch.Tensor, theirs: np.ndarray) -> None:
    size = max(1.0, float(np.abs(theirs).max()))
    np.testing.assert_allclose(ours.detach().numpy(), theirs, rtol=0, atol=1e-10 * size)


@given(wide_configs())
def test_the_names_and_shapes_of_weights(config: TransformerConfig) -> None:
    state = nn.Transformer(config).state_dict()
    assert {name: tuple(value.shape) for name, value in state.items()} == expected_shapes(config)


@given(wide_configs(), st.integers(0, 99))
@torch.no_grad()
def test_the_whole_model(config: TransformerConfig, seed: int) -> None:
    layers, reference = pair(config, seed)
    source, target, options = inputs(np.random.default_rng(seed), config)
    ours = layers(
        *tensors(source, target), **{name: torch.from_numpy(x) for name, x in options.items()}
    )
    compare(ours, reference.forward(source, target, **options))


@pytest.mark.parametrize("sinusoid", SINUSOIDS)
@pytest.mark.parametrize("skip", [False, True])
@torch.no_grad()
def test_sinusoids(sinusoid: str, skip: bool) -> None:
    """Every layout, with padding that has a row of its own and with padding that has none."""
    embedding = {"sinusoid": sinusoid, "position_offset": 2, "skip_padding": skip}
    config = small_config().replace(embedding=embedding)
    layers, reference = pair(config, 1)
    source, target, _ = inputs(np.random.default_rng(1), config)
    compare(layers(*tensors(source, target)), reference.forward(source, target))
    assert source is not None
    compare(layers.embed(torch.from_numpy(source), "source"), reference.embed(source, "source"))


@pytest.mark.parametrize("scaling", ROTARY_SCALINGS)
@pytest.mark.parametrize("local_base", [None, 50.0])
@torch.no_grad()
def test_rotations(scaling: str, local_base: float | None) -> None:
    """Every scaling, in a part of each head, where layers with a window have their own base."""
    rotary = {"dim": 6, "local_base": local_base, "scaling": scaling, "factor": 4.0}
    config = small_config(positions="rotary", encoder_layers=0).replace(
        attention={"head_dim": 8, "windows": [3, 0]}, rotary=rotary | {"original_length": 40}
    )
    layers, reference = pair(config, 1)
    target = random_ids(np.random.default_rng(1), config, 2, 11)
    compare(layers(None, torch.from_numpy(target)), reference.forward(None, target))


@given(wide_configs(), st.integers(0, 99))
@torch.no_grad()
def test_masks(config: TransformerConfig, seed: int) -> None:
    """Of any positions, as long as every query sees itself: there may be padding in front."""
    layers, reference = pair(config, seed)
    rng = np.random.default_rng(seed)
    source, target, _ = inputs(rng, config)
    text = target if source is None else source
    assert text is not None
    mask = rng.random(text.shape) < 0.6
    mask[0] = True
    ours = layers(*tensors(source, target), mask=torch.from_numpy(mask))
    theirs = reference.forward(source, target, mask=mask)
    real = mask if source is None or target is None else np.ones(target.shape, dtype=bool)
    assert np.isfinite(theirs).all()
    compare(ours[torch.from_numpy(real)], theirs[real])


@given(wide_configs(decoder=True), st.integers(0, 99), st.lists(st.integers(1, 3), min_size=2))
@torch.no_grad()
def test_decoding_in_steps(config: TransformerConfig, seed: int, steps: list[int]) -> None:
    """The layers with `past`, the whole at once, and the reference's decoding."""
    layers, reference = pair(config, seed)
    rng = np.random.default_rng(seed)
    source = padded(rng, config, 7) if config.encoder_layers else None
    target = random_ids(rng, config, 3, sum(steps[:4]))
    whole = reference.forward(source, target)
    encoded = None if source is None else layers.encode(torch.from_numpy(source))
    past, outputs = None, []
    for part in torch.from_numpy(target).split(steps[:4], dim=1):
        hidden, past = layers.decode(part, encoded, past=past)
        outputs.append(layers.logits(hidden))
    compare(torch.cat(outputs, dim=1), whole)
    texts = [[] for _ in target] if source is None else source
    decoding = ReferenceEngine(reference).begin([[i for i in row if i] for row in texts])
    ours = torch.log_softmax(torch.cat(outputs, dim=1), -1)
    for place in range(target.shape[1]):
        compare(ours[:, place], decoding.advance(target[:, place], np.arange(3)))


@given(wide_configs(decoder=True), st.integers(0, 99))
@torch.no_grad()
def test_steps_with_padding_in_front(config: TransformerConfig, seed: int) -> None:
    layers, _ = pair(config, seed)
    rng = np.random.default_rng(seed)
    source = torch.from_numpy(padded(rng, config, 5))
    encoded = layers.encode(source) if config.encoder_layers else None
    target = torch.from_numpy(random_ids(rng, config, 3, 6))
    mask = torch.arange(6) >= torch.tensor([[0], [1], [3]])
    whole, _ = layers.decode(target, encoded, mask=mask)
    first, past = layers.decode(target[:, :4], encoded, mask=mask[:, :4])
    rest, _ = layers.decode(target[:, 4:], encoded, mask=mask, past=past)
    torch.testing.assert_close(torch.cat((first, rest), 1)[mask], whole[mask], rtol=0, atol=1e-10)


@given(wide_configs(), st.integers(0, 99))
def test_gradients(config: TransformerConfig, seed: int) -> None:
    """Every weight has one, and all are finite, even beside a row of nothing but padding."""
    layers, _ = pair(config, seed)
    source, target, options = inputs(np.random.default_rng(seed), config)
    if source is not None:
        source[2] = config.pad_id
    tensor_options: dict[str, Any] = {name: torch.from_numpy(x) for name, x in options.items()}
    layers(*tensors(source, target), **tensor_options).square().sum().backward()
    gradients = {name: parameter.grad for name, parameter in layers.named_parameters()}
    assert None not in gradients.values()
    assert not [name for name, grad in gradients.items() if not bool(torch.isfinite(grad).all())]


@pytest.mark.parametrize("softcap", [None, 2.0])
def test_bfloat16_and_float32_compute_the_same_parts(softcap: float | None) -> None:
    """All parts at once, in the arithmetic of training."""
    table = {
        "attention": {"head_norm": True, "windows": [2, 0], "softcap": softcap, "scale": 0.4},
        "output": {"tied": False, "bias": True, "scale": 0.5, "softcap": 9.0, "transform": "silu"},
        "embedding": {"norm": True, "position_offset": 2},
    }
    config = TransformerConfig.from_dict(
        {
            "vocab_size": 40, "d_model": 16, "num_heads": 4, "num_kv_heads": 2, "max_length": 12,
            "encoder_layers": 2, "decoder_layers": 2, "feed_forward_dim": 24, "dropout": 0.0,
            "norm_place": "both", "activation": "geglu_tanh", **table,
        }
    )  # fmt: skip
    layers, reference = pair(config, 3)
    layers.float().train()
    layers.compute_dtype = torch.bfloat16
    source, target, _ = inputs(np.random.default_rng(0), config)
    rough = layers(*tensors(source, target))
    assert rough.dtype == torch.bfloat16
    exact = reference.forward(source, target)
    assert np.abs(rough.detach().float().numpy() - exact).max() < 0.05 * np.abs(exact).max()
