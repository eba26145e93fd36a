"""Attention weights beside the fused kernel, which gives the output and keeps them to itself.

Weights are computed a few query rows at a time in one small buffer that stays in the cache:
scores, softmax in place, mean over heads. The [batch, heads, query_len, key_len] tensor that the
plain formula needs never exists where the mean was asked for, neither in the forward pass nor,
computed again from query and key, in the backward pass.

Shapes: query [batch, heads, query_len, head_dim], key [batch, heads, key_len, head_dim]; mask,
added to the scaled scores, and blocked, True for a query that may see nothing, broadcast to
[batch, heads, query_len, key_len] and [batch, heads, query_len, 1].
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

# Up to so many scores (in all, or in one batch row) the plain formula is the quicker one: tiles
# would only add calls.
_DENSE_ELEMENTS = 2**18
_DENSE_ELEMENTS_PER_ROW = 2**16
# Scores in the buffer. Of 2^18 to 2^24, 2^21 was the quickest on two cores (8 heads of 64, 2,048
# tokens, float32); an accelerator wants fewer and larger launches.
_TILE_ELEMENTS = {"cpu": 2**21}
_TILE_ELEMENTS_ELSEWHERE = 2**25


def is_plain(*tensors: Tensor | None) -> bool:
    """Whether these are ordinary tensors outside compilation, tracing and function transforms.

    Only then may code look at values or write into buffers of its own.
    """
    transformed = getattr(torch._C, "_are_functorch_transforms_active", lambda: False)
    if torch.compiler.is_compiling() or torch._C._get_tracing_state() or transformed():
        return False
    return all(x is None or type(x) in (Tensor, torch.nn.Parameter) for x in tensors)


def open_blocked_rows(mask: Tensor | None) -> tuple[Tensor | None, Tensor | None]:
    """A mask in which no row is -inf throughout, and which rows were (None: no row was).

    Kernels differ on such a row (NaN, zeros, an average). It is let see everything here, and its
    output and weights are set to zero afterwards, so that gradients stay finite too.
    """
    if mask is None or mask.shape[-1] == 0:
        return mask, None
    blocked = mask.detach().amax(-1, keepdim=True) == -torch.inf
    if mask.device.type == "cpu" and is_plain(mask) and not blocked.any():
        return mask, None
    return mask.masked_fill(blocked, 0.0), blocked


class Scoring(NamedTuple):
    """What decides the weights beside query and key."""

    mask: Tensor | None
    blocked: Tensor | None
    causal: bool

    def of(self, batch: int) -> Scoring:
        """The same for one batch row, [heads, query_len, key_len]."""
        mask, blocked = (
            None if x is None else x[batch if x.shape[0] > 1 else 0]
            for x in (self.mask, self.blocked)
        )
        return Scoring(mask, blocked, self.causal)


def dense_weights(query: Tensor, key: Tensor, scoring: Scoring) -> Tensor:
    """All weights by the plain, differentiable formula, [batch, heads, query_len, key_len]."""
    scores = torch.matmul(query * query.shape[-1] ** -0.5, key.transpose(-2, -1))
    if scoring.causal:
        later = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).triu(1)
        scores = scores.masked_fill(later, -torch.inf)
    if scoring.mask is not None:
        scores = scores + scoring.mask
    weights = torch.softmax(scores, dim=-1)
    return weights if scoring.blocked is None else weights.masked_fill(scoring.blocked, 0.0)


def attention_weights(query: Tensor, key: Tensor, scoring: Scoring, *, average: bool) -> Tensor:
    """Weights of every query, [batch, query_len, key_len] with ``average``, else with heads.

    Differentiable in query, key and mask. Of the type that softmax has under autocast, if on.
    """
    row_elements = query.shape[1:-1].numel() * key.shape[-2]
    mask = scoring.mask
    if (
        row_elements <= _DENSE_ELEMENTS_PER_ROW
        or row_elements * query.shape[0] <= _DENSE_ELEMENTS
        or (mask is not None and mask.requires_grad)
        or not is_plain(query, key, mask)
    ):
        weights = dense_weights(query, key, scoring)
        return weights.mean(dim=1) if average else weights
    dtype = query.dtype
    if torch.is_autocast_enabled(query.device.type):
        dtype = torch.softmax(query.new_empty(1, 1), dim=-1).dtype
    return _TiledWeights.apply(query, key, *scoring, average, dtype)


class _Tile(NamedTuple):
    batch: int
    heads: slice
    rows: slice
    columns: slice
    weights: Tensor  # [heads, rows, columns]


def _tiles(
    query: Tensor,
    key: Tensor,
    scoring: Scoring,
    dtype: torch.dtype,
    heads: int,
    place: Tensor | None = None,
) -> Iterator[_Tile]:
    """Weights of a few rows and ``heads`` heads at a time; a tile is valid until the next.

    They are written to ``place`` [batch, heads, query_len, key_len] if it is given, and there
    they stay.
    """
    batch, num_heads, query_len, _ = query.shape
    key_len = key.shape[-2]
    budget = _TILE_ELEMENTS.get(query.device.type, _TILE_ELEMENTS_ELSEWHERE)
    step = min(query_len, max(32, budget // (heads * key_len)))
    scores = query.new_empty(heads * step * key_len if place is None else 0)
    weights = scores if dtype == scores.dtype else scores.to(dtype)
    for b in range(batch):
        one = scoring.of(b)
        for h in range(0, num_heads, heads):
            some = slice(h, h + heads)
            scaled = query[b, some] * query.shape[-1] ** -0.5
            for start in range(0, query_len, step):
                rows = slice(start, min(start + step, query_len))
                columns = slice(0, min(rows.stop, key_len) if scoring.causal else key_len)
                shape = (heads, rows.stop - start, columns.stop)
                size = torch.Size(shape).numel()
                tile = scores[:size].view(shape) if place is None else place[b, some, rows]
                target = weights[:size].view(shape) if place is None else tile
                torch.bmm(scaled[:, rows], key[b, some, columns].transpose(1, 2), out=tile)
                _mask_tile(tile, one, some, rows, columns)
                tile = torch.softmax(tile, -1, dtype=dtype, out=target)
                if one.blocked is not None:
                    tile.masked_fill_(_part(one.blocked, some, rows), 0.0)
                yield _Tile(b, some, rows, columns, tile)


def _part(x: Tensor, heads: slice, rows: slice) -> Tensor:
    """The given heads and rows of [heads or 1, query_len or 1, ...]."""
    x = x[heads] if x.shape[0] > 1 else x
    return x[:, rows] if x.shape[1] > 1 else x


def _mask_tile(tile: Tensor, scoring: Scoring, heads: slice, rows: slice, columns: slice) -> None:
    if scoring.causal and rows.start < columns.stop:
        corner = tile[:, :, rows.start :]
        later = torch.ones(corner.shape[1:], dtype=torch.bool, device=tile.device).triu(1)
        corner.masked_fill_(later, -torch.inf)
    if scoring.mask is not None:
        tile.add_(_part(scoring.mask, heads, rows)[..., columns])


class _TiledWeights(torch.autograd.Function):
    """`dense_weights` (and its mean over heads) in tiles, in both directions."""

    @staticmethod
    def forward(
        ctx: Any,
        query: Tensor,
        key: Tensor,
        mask: Tensor | None,
        blocked: Tensor | None,
        causal: bool,
        average: bool,
        dtype: torch.dtype,
    ) -> Tensor:
        ctx.save_for_backward(query, key, mask, blocked)
        ctx.settings = (causal, average, dtype)
        ctx.set_materialize_grads(False)
        batch, heads, query_len, _ = query.shape
        shape = (batch, query_len) if average else (batch, heads, query_len)
        make = torch.zeros if causal else torch.empty
        result = make(*shape, key.shape[-2], dtype=dtype, device=query.device)
        scoring = Scoring(mask, blocked, causal)
        # Heads together where they are averaged, one at a time where each goes to its own place.
        in_place = not average and not causal and dtype == query.dtype
        heads = heads if average else 1
        for b, some, rows, columns, tile in _tiles(
            query, key, scoring, dtype, heads, result if in_place else None
        ):
            if average and columns.stop == key.shape[-2]:
                torch.mean(tile, dim=0, out=result[b, rows])
            elif average:
                result[b, rows, columns] = tile.mean(dim=0)
            elif not in_place:
                result[b, some, rows, columns] = tile
        return result

    @staticmethod
    def backward(ctx: Any, grad: Tensor | None) -> tuple[Tensor | None, ...]:
        nothing = (None,) * 5
        if grad is None:
            return None, None, *nothing
        query, key, mask, blocked = ctx.saved_tensors
        causal, average, dtype = ctx.settings
        scoring = Scoring(mask, blocked, causal)
        if torch.is_grad_enabled():  # a second derivative was asked for
            weights = dense_weights(query, key, scoring).to(dtype)
            weights = weights.mean(dim=1) if average else weights
            wanted = [x for x in (query, key) if x.requires_grad]
            found = iter(torch.autograd.grad(weights, wanted, grad, create_graph=True))
            return *(next(found) if x.requires_grad else None for x in (query, key)), *nothing
        if average:
            grad = (grad / query.shape[1]).unsqueeze(1)
        query_grad = torch.empty_like(query)
        key_grad = torch.zeros_like(key)
        heads = query.shape[1] if average else 1
        for b, some, rows, columns, tile in _tiles(query, key, scoring, dtype, heads):
            # The softmax's backward pass, w * g - w * sum(w * g), with few passes over memory.
            below = tile * _part(grad[b], some, rows)[..., columns]
            below = below.addcmul_(tile, below.sum(-1, keepdim=True), value=-1).to(query.dtype)
            query_grad[b, some, rows] = torch.bmm(below, key[b, some, columns])
            key_grad[b, some, columns] += torch.bmm(below.transpose(1, 2), query[b, some, rows])
        scale = query.shape[-1] ** -0.5
        query_grad.mul_(scale)
        key_grad.mul_(scale)
        return query_grad, key_grad, *nothing


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    mask: Tensor | None = None,
    causal: bool = False,
    dropout: float = 0.0,
    need_weights: bool = False,
    average: bool = True,
) -> tuple[Tensor, Tensor | None]:
    """Attention's output [batch, heads, query_len, head_dim], and its weights if asked for.

    The output comes from the fused kernel and does not depend on ``need_weights``, but for
    dropout: there the weights are those that made the output, dropped ones included, and no
    kernel tells which it dropped, so both come from the plain formula.
    """
    mask, blocked = open_blocked_rows(mask)
    scoring = Scoring(mask, blocked, causal)
    if need_weights and dropout > 0.0:
        weights = F.dropout(dense_weights(query, key, scoring), dropout)
        output = torch.matmul(weights.to(value.dtype), value)
        return output, weights.mean(dim=1) if average else weights
    output = F.scaled_dot_product_attention(
        query, key, value, attn_mask=mask, dropout_p=dropout, is_causal=causal
    )
    if blocked is not None:
        output = output.masked_fill(blocked, 0.0)
    if not need_weights:
        return output, None
    return output, attention_weights(query, key, scoring, average=average)
