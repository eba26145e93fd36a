"""Pairs of layers, inputs and masks that the tests of the drop-in share."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from clearhead.nn.multihead import _tiles as _attention_tiles
from clearhead.nn.multihead import _weights as _attention_weights
from clearhead.nn.multihead.layer import MultiheadAttention

BATCH, QUERY_LEN, KEY_LEN, WIDTH, HEADS = 2, 5, 7, 12, 3


def pair(seed: int = 0, **options: Any) -> tuple[nn.MultiheadAttention, MultiheadAttention]:
    """PyTorch's layer and ours, made from the same seed; biases drawn, so that they matter."""
    layers = []
    for kind in (nn.MultiheadAttention, MultiheadAttention):
        torch.manual_seed(seed)
        layer = kind(WIDTH, HEADS, **{"dtype": torch.float64, **options})
        for bias in (layer.in_proj_bias, layer.out_proj.bias):
            if bias is not None:
                nn.init.normal_(bias)
        layers.append(layer)
    return layers[0], layers[1]


def random_inputs(
    layer: nn.MultiheadAttention, *, kind: str = "self", batched: bool = True, seed: int = 1
) -> tuple[Tensor, Tensor, Tensor]:
    """Query, key and value: one tensor ("self"), two ("memory") or three ("separate")."""
    generator = torch.Generator().manual_seed(seed)

    def draw(length: int, width: int) -> Tensor:
        shape = (BATCH, length, width) if batched else (length, width)
        x = torch.randn(shape, generator=generator, dtype=torch.float64)
        x = x.transpose(0, 1).contiguous() if batched and not layer.batch_first else x
        return x.to(layer.out_proj.weight.dtype)

    query = draw(QUERY_LEN, WIDTH)
    if kind == "self":
        return query, query, query
    key = draw(KEY_LEN, layer.kdim)
    return query, key, key if kind == "memory" else draw(KEY_LEN, layer.vdim)


def random_masks(
    attn: str, padding: str, key_len: int, *, batched: bool = True
) -> dict[str, Tensor | None]:
    """Masks under which every query sees the first key."""
    generator = torch.Generator().manual_seed(2)

    def draw(kind: str, *shape: int) -> Tensor | None:
        if kind == "none":
            return None
        mask = torch.rand(shape, generator=generator, dtype=torch.float64)
        if kind == "float":
            return mask
        hidden = mask > 0.6
        hidden[..., 0] = False
        return hidden if kind == "bool" else torch.zeros(shape).double().masked_fill(hidden, -1e999)

    rows = (BATCH if batched else 1) * HEADS
    attn_shape = (rows, QUERY_LEN, key_len) if attn.endswith("3d") else (QUERY_LEN, key_len)
    padding_shape = (BATCH, key_len) if batched else (key_len,)
    return {
        "attn_mask": draw(attn.removesuffix("3d"), *attn_shape),
        "key_padding_mask": draw(padding, *padding_shape),
    }


def assert_same(ours: Any, theirs: Any, tolerance: float = 1e-12) -> None:
    """Equal within a relative and absolute tolerance, in shape and type too."""
    torch.testing.assert_close(ours, theirs, rtol=tolerance, atol=tolerance)


MASKS = ["none", "bool", "float", "infinite", "bool3d", "float3d"]


def use_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiles of 32 rows at any size."""
    for derived in (False, True):
        monkeypatch.setitem(_attention_weights.PLAIN_ELEMENTS, derived, 0)
    monkeypatch.setattr(_attention_tiles, "TILE_ELEMENTS", 1)
    monkeypatch.setattr(_attention_tiles, "TILE_ELEMENTS_SHARED", 1)
