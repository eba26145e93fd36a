"""The arguments of FlexAttention's operator, which may be called by position or by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from torch import Tensor

from ....shapes import Float

_NAMES = (
    "query",
    "key",
    "value",
    "score_mod",
    "block_mask",
    "scale",
    "kernel_options",
    "score_mod_other_buffers",
    "mask_mod_other_buffers",
)


class FlexArguments(NamedTuple):
    """What FlexAttention is called with.

    Attributes:
        query, key, value: with the batch of the queries.
        scale: of the scores.
        score_mod: takes (score, batch, head, query, key) and what it captured.
        mask_mod: takes (batch, head, query, key) and what it captured.
        score_captures, mask_captures: tensors that compilation made arguments of the two.
    """

    query: Float[Tensor, "batch heads query_len head_dim"]
    key: Float[Tensor, "batch kv_heads key_len head_dim"]
    value: Float[Tensor, "batch kv_heads key_len value_dim"]
    scale: float
    score_mod: Callable[..., Tensor]
    mask_mod: Any
    score_captures: tuple[Any, ...]
    mask_captures: tuple[Any, ...]


def flex_arguments(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> FlexArguments:
    """Return what FlexAttention's operator is called with."""
    call = {**dict(zip(_NAMES, args, strict=False)), **kwargs}
    query, key, value = call["query"], call["key"], call["value"]
    if len(key) != len(query):
        key, value = (x.expand(len(query), -1, -1, -1) for x in (key, value))
    return FlexArguments(
        query,
        key,
        value,
        call["scale"],
        call["score_mod"],
        call["block_mask"][-1],
        tuple(call.get("score_mod_other_buffers") or ()),
        tuple(call.get("mask_mod_other_buffers") or ()),
    )
