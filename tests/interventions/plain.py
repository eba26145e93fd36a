"""The truth: attention of transformers written out in full, with edits written by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


def unchanged(x: Tensor) -> Tensor:
    return x


@dataclass
class ByHand:
    """What is done to one attention; each function gets [batch, heads, ., .]."""

    query: Callable[[Tensor], Tensor] = unchanged
    key: Callable[[Tensor], Tensor] = unchanged
    value: Callable[[Tensor], Tensor] = unchanged
    scores: Callable[[Tensor], Tensor] = unchanged
    weights: Callable[[Tensor], Tensor] = unchanged
    output: Callable[[Tensor], Tensor] = unchanged


@contextmanager
def by_hand(model: nn.Module, edits: dict[str, ByHand]) -> Iterator[None]:
    """Run a model of transformers with attention in plain operators, edited by hand."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS

    names = {id(module): name for name, module in model.named_modules()}

    def attention(
        module: nn.Module,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attention_mask: Tensor | None,
        scaling: float | None = None,
        dropout: float = 0.0,
        softcap: float | None = None,
        position_bias: Tensor | None = None,
        s_aux: Tensor | None = None,
        **_: Any,
    ) -> tuple[Tensor, Tensor]:
        edit = edits.get(names[id(module)], ByHand())
        group = query.shape[1] // key.shape[1]
        query = edit.query(query)
        key, value = (x.repeat_interleave(group, 1) for x in (key, value))
        key, value = edit.key(key), edit.value(value)
        scores = query @ key.mT * (query.shape[-1] ** -0.5 if scaling is None else scaling)
        if softcap is not None:
            scores = softcap * torch.tanh(scores / softcap)
        if position_bias is not None:
            scores = scores + position_bias
        if attention_mask is not None:
            scores = scores + attention_mask
        scores = edit.scores(scores)
        if s_aux is not None:
            sinks = s_aux[None, :, None, None].expand(len(scores), -1, scores.shape[2], 1)
            scores = torch.cat([scores, sinks], -1)
        weights = scores.softmax(-1)
        if s_aux is not None:
            weights = weights[..., :-1]
        weights = edit.weights(weights)
        output = edit.output(weights @ value)
        return output.transpose(1, 2).contiguous(), weights

    AttentionInterface.register("by_hand", attention)
    AttentionMaskInterface.register("by_hand", ALL_MASK_ATTENTION_FUNCTIONS["eager"])
    before = model.config._attn_implementation
    model.set_attn_implementation("by_hand")
    try:
        yield
    finally:
        model.set_attn_implementation(before)


def without_edges(
    queries: list[int], keys: list[int], heads: list[int] | None = None, to: float = -torch.inf
) -> Callable[[Tensor], Tensor]:
    """A function that writes a number on some edges of scores or weights."""

    def function(x: Tensor) -> Tensor:
        edges = torch.zeros(1, *x.shape[1:], dtype=torch.bool)
        for head in range(x.shape[1]) if heads is None else heads:
            for query in queries:
                edges[0, head, query, keys] = True
        return x.masked_fill(edges, to)

    return function


def on_heads(heads: list[int], change: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """A function that changes some heads of [batch, heads, ., .]."""

    def function(x: Tensor) -> Tensor:
        parts = [change(x[:, h]) if h in heads else x[:, h] for h in range(x.shape[1])]
        return torch.stack(parts, 1)

    return function


def on_rows(rows: list[int], change: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """A function that changes some rows of [..., rows, width]."""

    def function(x: Tensor) -> Tensor:
        parts = [change(x[..., i, :]) if i in rows else x[..., i, :] for i in range(x.shape[-2])]
        return torch.stack(parts, -2)

    return function
