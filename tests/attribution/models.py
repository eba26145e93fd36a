"""Small models for the tests of attribution: families in float64, and one that is linear."""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from clearhead import nn as own
from clearhead.attribution.target import Target
from clearhead.reference.transformer import Transformer as Reference
from tests.maps.families.comparing import ids
from tests.maps.families.models import model
from tests.reference.models import random_ids, random_weights, small_config

TWO_STACKS = ("t5", "marian", "bart")
TARGET = Target([9, 4], 12, -2)


@cache
def double(family: str) -> nn.Module:
    """A model of a family in float64, in eval mode."""
    return copy.deepcopy(model(family)).double()


def inputs(family: str, seed: int = 1) -> dict[str, Tensor]:
    """Two rows of token ids."""
    named = {"input_ids": ids(2, 7, seed=seed)}
    if family in TWO_STACKS:
        named["decoder_input_ids"] = ids(2, 4, seed=seed + 1)
    return named


class LinearModel(nn.Module):
    """A Transformer that is linear in its embeddings: even attention, no norms, no activations."""

    def __init__(self, width: int = 8, heads: int = 2, layers: int = 2, vocab: int = 16) -> None:
        super().__init__()
        self.embed = nn.Embedding(vocab, width)
        self.layers = nn.ModuleList(LinearLayer(width, heads) for _ in range(layers))
        self.unembed = nn.Linear(width, vocab)

    def forward(self, input_ids: Tensor) -> Tensor:
        x = self.embed(input_ids)
        for layer in self.layers:
            x = layer(x)
        return self.unembed(x)


class LinearLayer(nn.Module):
    """Attention with even weights, and a feed-forward layer that is one matrix."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attention = EvenAttention(width, heads)
        self.feed_forward = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(x)
        return x + self.feed_forward(x)


class EvenAttention(nn.Module):
    """Causal attention whose queries are zeros, so that every weight is the same."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.num_heads = heads
        self.value = nn.Linear(width, width)
        self.output = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        value = self.value(x).unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
        zeros = torch.zeros_like(value)
        z = F.scaled_dot_product_attention(zeros, zeros, value, is_causal=True)
        return self.output(z.transpose(1, 2).flatten(2))


class TorchDecoder(nn.Module):
    """A decoder of PyTorch's own layers, which attend with positions before rows."""

    def __init__(self, *, norm_first: bool = True) -> None:
        super().__init__()
        self.embed, self.positions = nn.Embedding(16, 8), nn.Parameter(torch.randn(20, 8))
        layer = nn.TransformerEncoderLayer(8, 2, 12, batch_first=True, norm_first=norm_first)
        self.stack = nn.TransformerEncoder(layer, 2, nn.LayerNorm(8), enable_nested_tensor=False)
        self.unembed = nn.Linear(8, 16)

    def forward(self, input_ids: Tensor) -> Tensor:
        length = input_ids.shape[1]
        mask = nn.Transformer.generate_square_subsequent_mask(length, dtype=torch.float64)
        x = self.embed(input_ids) + self.positions[:length]
        return self.unembed(self.stack(x, mask=mask, is_causal=True))


def linear_model(seed: int = 0) -> LinearModel:
    """A linear model in float64."""
    torch.manual_seed(seed)
    return LinearModel().double().eval()


def own_pair(**changes: Any) -> tuple[nn.Module, Reference, dict[str, Tensor]]:
    """A model of ours in PyTorch and in NumPy, with the same weights, and inputs of both."""
    config = small_config(**changes)
    weights = random_weights(config)
    layers = own.Transformer(config).double()
    layers.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})
    rng = np.random.default_rng(0)
    named = {}
    for name, stack in (("source_ids", "encoder"), ("target_ids", "decoder")):
        if getattr(config, f"{stack}_layers"):
            named[name] = torch.from_numpy(random_ids(rng, config, 2, 5 + len(named)))
    return layers.eval(), Reference(config, weights), named
