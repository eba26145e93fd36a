"""The gradients of the reference and those that PyTorch's autograd finds are the same numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from clearhead import nn, reference
from clearhead.config import ACTIVATIONS, NORM_PLACES, NORMS, POSITIONS, TransformerConfig
from tests.reference.models import random_ids, random_weights, small_config, wide_configs

Ids = np.ndarray | None


@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.9, 0.98)])
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_adamw_takes_the_steps_of_pytorchs(betas: tuple[float, float], decay: float) -> None:
    rng = np.random.default_rng(0)
    weights, state = {"a": rng.normal(size=(3, 4)), "b": rng.normal(size=2)}, None
    theirs = {name: torch.tensor(weight, requires_grad=True) for name, weight in weights.items()}
    options = {"betas": betas, "weight_decay": decay}
    optimizer = torch.optim.AdamW(theirs.values(), lr=3e-3, eps=1e-9, **options)
    for step in range(6):
        gradients = {
            name: rng.normal(size=weight.shape) * 10.0 ** (step - 4)
            for name, weight in weights.items()
        }
        weights, state = reference.adamw_step(
            weights, gradients, state, learning_rate=3e-3, epsilon=1e-9, **options
        )
        for name, tensor in theirs.items():
            tensor.grad = torch.from_numpy(gradients[name])
        optimizer.step()
        for name, tensor in theirs.items():
            np.testing.assert_allclose(weights[name], tensor.detach(), rtol=0, atol=1e-12)


def batch(config: TransformerConfig, seed: int) -> tuple[Ids, Ids, np.ndarray, dict[str, Any]]:
    """Source, target and labels with padding at the end, and token types where there are such."""
    rng = np.random.default_rng(seed)

    def padded(length: int) -> np.ndarray:
        ids = random_ids(rng, config, 2, length)
        ids[1, rng.integers(1, length + 1) :] = config.pad_id
        return ids

    source = padded(5) if config.encoder_layers else None
    target = padded(4) if config.decoder_layers else None
    shape = (source if target is None else target).shape
    labels = rng.integers(0, config.vocab_size, shape)  # pad_id among them, which does not count
    labels[0, 0] = 3  # one that counts at least
    options = {}
    if config.embedding.token_types:
        options["token_types"] = rng.integers(0, config.embedding.token_types, source.shape)
    return source, target, labels, options


def by_autograd(
    config: TransformerConfig,
    weights: dict[str, np.ndarray],
    batch: tuple[Ids, Ids, np.ndarray, dict[str, Any]],
    smoothing: float,
) -> tuple[float, dict[str, np.ndarray]]:
    source, target, labels, options = batch
    layers = nn.Transformer(config).double()
    layers.load_state_dict({name: torch.from_numpy(each) for name, each in weights.items()})
    ids = [None if each is None else torch.from_numpy(each) for each in (source, target)]
    logits = layers(*ids, **{name: torch.from_numpy(each) for name, each in options.items()})
    loss = F.cross_entropy(
        logits.flatten(0, 1),
        torch.from_numpy(labels).flatten(),
        ignore_index=config.pad_id,
        label_smoothing=smoothing,
    )
    loss.backward()
    return loss.item(), {name: each.grad.numpy() for name, each in layers.named_parameters()}


def check(config: TransformerConfig, seed: int, smoothing: float = 0.1) -> None:
    weights, inputs = random_weights(config, seed), batch(config, seed)
    source, target, labels, options = inputs
    loss, gradients = reference.gradients(
        config, weights, source, target, labels=labels, label_smoothing=smoothing, **options
    )
    their_loss, theirs = by_autograd(config, weights, inputs, smoothing)
    assert abs(loss - their_loss) < 1e-10 * max(1.0, abs(their_loss))
    assert gradients.keys() == theirs.keys()
    for name, gradient in gradients.items():
        size = max(1.0, float(np.abs(theirs[name]).max()))
        np.testing.assert_allclose(gradient, theirs[name], rtol=0, atol=1e-10 * size, err_msg=name)


@settings(max_examples=30)
@given(config=wide_configs(), seed=st.integers(0, 99))
def test_every_weight_of_any_model(config: TransformerConfig, seed: int) -> None:
    check(config, seed)


@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize("norm_place", NORM_PLACES)
def test_every_kind_of_position_and_place_of_norms(positions: str, norm_place: str) -> None:
    choices = {"positions": positions, "norm_place": norm_place, "num_kv_heads": 2}
    check(small_config(encoder_layers=2, decoder_layers=2, **choices), 3)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("norm", NORMS)
def test_every_activation_and_norm(activation: str, norm: str) -> None:
    check(small_config(encoder_layers=0, activation=activation, norm=norm), 4, smoothing=0.0)
