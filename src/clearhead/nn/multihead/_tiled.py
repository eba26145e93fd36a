"""Attention with its weights, a tile of scores at a time, in both directions.

The [batch, heads, query_len, key_len] tensor of the plain formula is most of its cost: it is
written and read several times, and a fresh one has to be mapped by the system page by page. Here
scores, softmax, the product with the values and the mean over heads are done on one tile after
another in the same memory.

Shapes are those of `clearhead.nn.multihead._formula`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from . import _tiles as tiles
from ._formula import Masking, plain_attention, without_autocast
from ._tiles import Problem, in_layout_of, problem_of, tile_budget

# So many weights are kept for the backward pass, as PyTorch keeps them; more are computed again.
KEPT_ELEMENTS = 2**25


def _forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    masking: Masking,
    average: bool,
    dtype: torch.dtype,
    budget: int,
    keep: bool = False,
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Output, weights, and all heads' weights in the order of the tiles where they were kept."""
    with without_autocast(query.device.type):
        problem = problem_of(query, key, value, masking, average, budget)
        batch, heads, query_len, _ = query.shape
        output = in_layout_of(query)
        shape = (batch, query_len) if average else (batch, heads, query_len)
        make = torch.zeros if average and masking.causal else torch.empty
        weights = make(*shape, key.shape[2], dtype=dtype, device=query.device)
        in_place = not average and dtype == problem.query.dtype
        if in_place:  # they are computed where they are to stay
            flat, keep = weights.view(-1), True
            if budget > tiles.TILE_ELEMENTS:  # for several threads, which then seldom meet
                problem = problem._replace(budget=flat.numel())
        else:
            sizes = [tile.size for tile in problem.tiles()]
            flat = problem.query.new_empty(sum(sizes) if keep else max(sizes))
        for tile in problem.tiles():
            place = problem.fill(tile, tile.view(flat, one_behind_the_other=keep))
            product = torch.bmm(place.flatten(0, 1), tile.of_keys(problem.value).flatten(0, 1))
            tile.of(output).copy_(product.view_as(tile.of(output)))
            if average:
                _average(place, weights[tile.batches, tile.rows, tile.columns])
            elif not in_place:
                tile.of(weights, columns=True).copy_(place)
        return output, weights, flat if keep else None


def _average(place: Tensor, mean: Tensor) -> None:
    """Put the mean over heads of a tile's weights in its place."""
    if mean.is_contiguous() and mean.dtype == place.dtype:
        torch.mean(place, 1, out=mean)
    else:
        mean.copy_(place.mean(1))


class _TiledAttention(torch.autograd.Function):
    """`plain_attention` and the mean of its weights."""

    @staticmethod
    def forward(
        ctx: Any,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        mask: Tensor | None,
        blocked: Tensor | None,
        causal: bool,
        average: bool,
        dtype: torch.dtype,
    ) -> tuple[Tensor, Tensor]:
        ctx.settings = (causal, average, dtype)
        ctx.set_materialize_grads(False)
        size = query.shape[:3].numel() * key.shape[2]
        keep = average and size <= KEPT_ELEMENTS
        masking = Masking(mask, blocked, causal)
        # The backward pass finds kept weights by the same tiles.
        ctx.budget = tile_budget(query)
        output, weights, kept = _forward(
            query, key, value, masking, average, dtype, ctx.budget, keep
        )
        if kept is not None and not average:
            kept = weights  # what is returned is saved as itself
        ctx.save_for_backward(query, key, value, mask, blocked, kept)
        return output, weights

    @staticmethod
    def backward(
        ctx: Any, output_grad: Tensor | None, weights_grad: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        query, key, value, mask, blocked, kept = ctx.saved_tensors
        causal, average, dtype = ctx.settings
        nothing = (None,) * 5
        if output_grad is None and weights_grad is None:
            return None, None, None, *nothing
        masking = Masking(mask, blocked, causal)
        grads = (output_grad, weights_grad)
        if torch.is_grad_enabled():  # a second derivative was asked for
            return *_differentiable(query, key, value, masking, average, dtype, grads), *nothing
        with without_autocast(query.device.type):
            problem = problem_of(query, key, value, masking, average, ctx.budget)
            found = _backward(problem, None if kept is None else kept.view(-1), *grads)
        return *(x.to(query.dtype) for x in found), *nothing


def _backward(
    problem: Problem, kept: Tensor | None, output_grad: Tensor | None, weights_grad: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of query, key and value."""
    query, key, value, average = problem.query, problem.key, problem.value, problem.average
    if output_grad is not None:
        output_grad = output_grad.to(query.dtype)
    if weights_grad is not None:
        weights_grad = weights_grad.to(query.dtype)
        weights_grad = (weights_grad / query.shape[1]).unsqueeze(1) if average else weights_grad
    scale = query.shape[-1] ** -0.5
    query_grad = in_layout_of(query)
    key_grad, value_grad = (in_layout_of(x).zero_() for x in (key, value))
    largest = problem.largest()
    spare = query.new_empty(largest)
    flat = query.new_empty(largest) if kept is None else kept
    for tile in problem.tiles():
        place = tile.view(flat, one_behind_the_other=kept is not None)
        if kept is None:
            problem.fill(tile, place)
        below = tile.view(spare, one_behind_the_other=False)
        if output_grad is not None:
            grad = tile.of(output_grad).flatten(0, 1)
            keys = tile.of_keys(value).flatten(0, 1)
            torch.bmm(grad, keys.transpose(1, 2), out=below.flatten(0, 1))
            _add_product(tile.of_keys(value_grad), place, grad)
        if weights_grad is not None:
            given = tile.of(weights_grad, columns=True)
            below = below.copy_(given) if output_grad is None else below.add_(given)
        torch.ops.aten._softmax_backward_data.out(below, place, -1, place.dtype, grad_input=below)
        product = torch.bmm(below.flatten(0, 1), tile.of_keys(key).flatten(0, 1))
        tile.of(query_grad).copy_(product.view_as(tile.of(query_grad)))
        _add_product(tile.of_keys(key_grad), below, tile.of(query).flatten(0, 1))
    return query_grad.mul_(scale), key_grad.mul_(scale), value_grad


def _add_product(total: Tensor, left: Tensor, right: Tensor) -> None:
    """total += left^T right, for each batch row and head."""
    product = torch.bmm(left.flatten(0, 1).transpose(1, 2), right)
    total.add_(product.view_as(total))


def _differentiable(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    masking: Masking,
    average: bool,
    dtype: torch.dtype,
    grads: tuple[Tensor | None, Tensor | None],
) -> tuple[Tensor | None, ...]:
    """The gradients of query, key and value, as something that can be derived again."""
    output, weights = plain_attention(query, key, value, masking)
    weights = (weights.mean(dim=1) if average else weights).to(dtype)
    pairs = [(x, g) for x, g in zip((output, weights), grads, strict=True) if g is not None]
    inputs = [x for x in (query, key, value) if x.requires_grad]
    found = iter(
        torch.autograd.grad(
            [x for x, _ in pairs],
            inputs,
            [g for _, g in pairs],
            create_graph=True,
            allow_unused=True,
        )
    )
    return tuple(next(found) if x.requires_grad else None for x in (query, key, value))


def tiled_attention(
    query: Tensor, key: Tensor, value: Tensor, masking: Masking, average: bool, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """Output and weights, differentiable in query, key and value, not in the mask.

    Args:
        query, key, value: plain tensors.
        masking: with a mask that needs no gradient.
        average: the mean of the weights over heads, or all of them.
        dtype: of the weights.
    """
    if not (torch.is_grad_enabled() and any(x.requires_grad for x in (query, key, value))):
        return _forward(query, key, value, masking, average, dtype, tile_budget(query))[:2]
    settings = (*masking, average, dtype)
    found: tuple[Tensor, Tensor] = _TiledAttention.apply(query, key, value, *settings)
    return found
