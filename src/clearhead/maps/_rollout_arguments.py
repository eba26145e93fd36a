"""The arguments of a rollout: which maps, positions and heads it can go through."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..errors import ConfigError, ShapeError
from ..shapes import Int
from .attention_map import AttentionMap

Tokens = int | Sequence[int] | Tensor
Heads = int | Sequence[int] | None


def places_of(tokens: Tokens, attention_map: AttentionMap) -> tuple[Int[Tensor, "batch n"], bool]:
    """Return positions from the start, and whether ``tokens`` is a single one."""
    batch, length = attention_map.query.shape[0], attention_map.query.shape[-2]
    places = torch.as_tensor(tokens, device=attention_map.query.device)
    if places.is_floating_point() or places.dtype == torch.bool or places.numel() == 0:
        raise ConfigError(
            f"tokens must be positions (integers), at least one; {tokens!r} came. For the token "
            "of a word, look its position up in the tokens that the model was given."
        )
    single = places.dim() == 0
    places = places.long().reshape(1, -1) if places.dim() < 2 else places.long()
    if places.dim() > 2 or places.shape[0] not in (1, batch):
        raise ShapeError(
            f"tokens must be one position, [n], or [batch, n] with batch {batch}; "
            f"a tensor of shape {list(places.shape)} came."
        )
    outside = places[(places < -length) | (places >= length)]
    if outside.numel():
        raise ConfigError(
            f"token {int(outside[0])} does not exist: there are {length} positions, "
            f"0 to {length - 1} (or -{length} to -1, from the end)."
        )
    return (places % length).expand(batch, -1), single


def head_indices(heads: Heads, attention_map: AttentionMap) -> Int[Tensor, "heads"]:
    """Return the indices of the heads to average over."""
    count = attention_map.query.shape[1]
    listed = range(count) if heads is None else [heads] if isinstance(heads, int) else heads
    outside = [head for head in listed if not -count <= head < count]
    if outside or not len(listed):
        problem = f"head {outside[0]} does not exist" if outside else "no head was chosen"
        raise ConfigError(f"{problem}: this layer has {count} heads, 0 to {count - 1}.")
    return torch.tensor([head % count for head in listed], device=attention_map.query.device)


def check_maps(maps: Sequence[AttentionMap], residual: float) -> None:
    """Check that the maps are the layers of one stack, and the share of the residual."""
    if not 0 <= residual <= 1:
        raise ConfigError(
            f"residual is the share of the residual connection, 0 to 1, not {residual}."
        )
    if not maps:
        raise ShapeError("A rollout needs the self-attention map of at least one layer; none came.")
    first = maps[0].query
    for layer, attention_map in enumerate(maps):
        query_len, key_len = attention_map.query.shape[-2], attention_map.key.shape[-2]
        if query_len != key_len:
            raise ShapeError(
                f"A rollout goes through self-attention, position by position; layer {layer} has "
                f"{query_len} queries and {key_len} keys. Cross-attention and steps that see an "
                "older cache have no rollout of their own."
            )
        if attention_map.query.shape[0] != first.shape[0] or query_len != first.shape[-2]:
            raise ShapeError(
                f"The layers of one stack have the same sequences; layer 0 has batch "
                f"{first.shape[0]} and length {first.shape[-2]}, layer {layer} has batch "
                f"{attention_map.query.shape[0]} and length {query_len}."
            )
