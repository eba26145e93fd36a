"""The PyTorch model and the NumPy reference are the same numbers."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from clearhead import nn
from clearhead.config_parts import OutputConfig
from clearhead.engine.reference_engine import ReferenceEngine
from clearhead.reference.transformer import Transformer as Reference
from tests.reference.models import (
    configs,
    image_configs,
    random_ids,
    random_pixels,
    random_weights,
)

TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-5}


def _pair(config, dtype, seed=0):
    """The layers in a dtype, and the reference with their weights in float64."""
    weights = random_weights(config, seed)
    layers = nn.Transformer(config).to(dtype).eval()
    tensors = {name: torch.from_numpy(array).to(dtype) for name, array in weights.items()}
    layers.load_state_dict(tensors, strict=True)
    weights = {name: tensor.double().numpy() for name, tensor in layers.state_dict().items()}
    return layers, Reference(config, weights)


def _padded(rng, config, rows=3, length=7):
    ids = random_ids(rng, config, rows, length)
    for row in range(1, rows):
        ids[row, rng.integers(1, length + 1) :] = config.pad_id
    return ids


def _assert_close(ours, theirs, dtype):
    # Logits of float32 are judged against their size, which random weights make large.
    scale = max(1.0, float(np.abs(theirs).max()))
    np.testing.assert_allclose(ours.double().numpy(), theirs, rtol=0, atol=TOLERANCE[dtype] * scale)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@given(config=configs(), seed=st.integers(0, 99))
@torch.no_grad()
def test_the_whole_model(dtype, config, seed):
    rng = np.random.default_rng(seed)
    layers, reference = _pair(config, dtype, seed)
    source = _padded(rng, config) if config.encoder_layers else None
    target = _padded(rng, config, length=5) if config.decoder_layers else None
    ours = layers(*(None if ids is None else torch.from_numpy(ids) for ids in (source, target)))
    _assert_close(ours, reference.forward(source, target), dtype)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@given(config=configs(encoder=True), seed=st.integers(0, 99))
@torch.no_grad()
def test_the_encoder(dtype, config, seed):
    layers, reference = _pair(config, dtype, seed)
    source = _padded(np.random.default_rng(seed), config)
    ours = layers.encode(torch.from_numpy(source)).output
    _assert_close(ours, reference.encode(source).output, dtype)


@given(config=configs(encoder=True), labels=st.integers(1, 5), bias=st.booleans())
@torch.no_grad()
def test_a_classifier(config, labels, bias):
    """The weights of the output are a row for each label, in both."""
    output = OutputConfig(labels=labels, bias=bias)
    config = dataclasses.replace(config, decoder_layers=0, output=output)
    layers, reference = _pair(config, torch.float64)
    source = _padded(np.random.default_rng(0), config)
    logits = reference.forward(source)
    assert logits.shape == (*source.shape, labels)
    _assert_close(layers(torch.from_numpy(source)), logits, torch.float64)


# In float64 alone: a norm over two entries, which are nearly equal in some image, magnifies the
# rounding of float32 beyond any bound.
@given(config=image_configs(), seed=st.integers(0, 99))
@torch.no_grad()
def test_a_model_of_images(config, seed):
    layers, reference = _pair(config, torch.float64, seed)
    pixels = random_pixels(np.random.default_rng(seed), config)
    ours = layers(pixels=torch.from_numpy(pixels))
    _assert_close(ours, reference.forward(pixels=pixels), torch.float64)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@given(config=configs(decoder=True), seed=st.integers(0, 99))
@torch.no_grad()
def test_both_caches(dtype, config, seed):
    """Step by step: the layers with `past`, the reference with its decoding."""
    rng = np.random.default_rng(seed)
    layers, reference = _pair(config, dtype, seed)
    engine = ReferenceEngine(reference)
    target = random_ids(rng, config, 3, 5)
    if config.encoder_layers:
        source = _padded(rng, config)
        encoded = layers.encode(torch.from_numpy(source))
        memories = layers.memories(encoded)
        decoding = engine.begin([row[row != config.pad_id].tolist() for row in source])
    else:
        encoded = memories = None
        decoding = engine.begin([[] for _ in target])
    past = None
    for step in range(5):
        ids = torch.from_numpy(target[:, step : step + 1])
        hidden, past = layers.decode(ids, encoded, memories=memories, past=past)
        ours = torch.log_softmax(layers.logits(hidden[:, -1]), -1)
        _assert_close(ours, decoding.advance(target[:, step], np.arange(3)), dtype)
