"""Attention with its weights, one tile of scores at a time, with a backward pass.

Most of the plain formula's cost is its [batch, heads, query_len, key_len] tensor: it is written and
read several times, and the system has to map the pages of each new one. Here scores, softmax, the
product with the values and the mean over heads are computed for one tile after another in the same
memory.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ...shapes import Float
from . import _tiles as tiles
from ._formula import Masking, autocast_disabled, plain_attention
from ._tiles import Problem, in_layout_of, problem_of, tile_budget

# Weights up to this number are stored for the backward pass, as in PyTorch; more are recomputed.
KEPT_ELEMENTS = 2**25


def _forward(
    query: Float[Tensor, "batch heads query_len head_dim"],
    key: Float[Tensor, "batch heads key_len head_dim"],
    value: Float[Tensor, "batch heads key_len head_dim"],
    masking: Masking,
    average: bool,
    dtype: torch.dtype,
    budget: int,
    keep: bool = False,
) -> tuple[
    Float[Tensor, "batch heads query_len head_dim"],
    Float[Tensor, "... query_len key_len"],
    Float[Tensor, "entries"] | None,
]:
    """Compute output and weights; with ``keep``, also all heads' weights, tile after tile."""
    with autocast_disabled(query.device.type):
        problem = problem_of(query, key, value, masking, average, budget)
        batch, heads, query_len, _ = query.shape
        output = in_layout_of(query)
        shape = (batch, query_len) if average else (batch, heads, query_len)
        make = torch.zeros if average and masking.causal else torch.empty
        weights = make(*shape, key.shape[2], dtype=dtype, device=query.device)
        # The memory of the tiles: the result's own, or one for all tiles, or one for one tile at a
        # time.
        in_place = not average and dtype == problem.query.dtype
        if in_place:
            flat, keep = weights.view(-1), True
            if budget > tiles.TILE_ELEMENTS:  # several threads, which then seldom wait
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


def _average(
    place: Float[Tensor, "batches heads rows columns"], mean: Float[Tensor, "batches rows columns"]
) -> None:
    """Write the mean of a tile's weights over heads to ``mean``."""
    if mean.is_contiguous() and mean.dtype == place.dtype:
        torch.mean(place, 1, out=mean)
    else:
        mean.copy_(place.mean(1))


class _TiledAttention(torch.autograd.Function):
    """`plain_attention` in tiles, with all weights or their mean over heads."""

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
        # The backward pass must split the stored weights into the same tiles.
        ctx.budget = tile_budget(query)
        output, weights, all_weights = _forward(
            query, key, value, masking, average, dtype, ctx.budget, keep
        )
        if all_weights is not None and not average:
            all_weights = weights  # autograd requires an output to be saved as itself
        ctx.save_for_backward(query, key, value, mask, blocked, all_weights)
        return output, weights

    @staticmethod
    def backward(
        ctx: Any, output_grad: Tensor | None, weights_grad: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        query, key, value, mask, blocked, all_weights = ctx.saved_tensors
        causal, average, dtype = ctx.settings
        nothing = (None,) * 5
        if output_grad is None and weights_grad is None:
            return None, None, None, *nothing
        masking = Masking(mask, blocked, causal)
        grads = (output_grad, weights_grad)
        if torch.is_grad_enabled():  # so that the gradient itself can be differentiated
            return *_differentiable(query, key, value, masking, average, dtype, grads), *nothing
        with autocast_disabled(query.device.type):
            problem = problem_of(query, key, value, masking, average, ctx.budget)
            input_grads = _backward(
                problem, None if all_weights is None else all_weights.view(-1), *grads
            )
        return *(x.to(query.dtype) for x in input_grads), *nothing


def _backward(
    problem: Problem,
    all_weights: Float[Tensor, "entries"] | None,
    output_grad: Float[Tensor, "batch heads query_len head_dim"] | None,
    weights_grad: Float[Tensor, "... query_len key_len"] | None,
) -> tuple[
    Float[Tensor, "batch heads query_len head_dim"],
    Float[Tensor, "batch heads key_len head_dim"],
    Float[Tensor, "batch heads key_len head_dim"],
]:
    """Compute the gradients of query, key and value, from stored or recomputed weights."""
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
    scores_memory = query.new_empty(largest)
    weights_memory = query.new_empty(largest) if all_weights is None else all_weights
    for tile in problem.tiles():
        weights = tile.view(weights_memory, one_behind_the_other=all_weights is not None)
        if all_weights is None:
            problem.fill(tile, weights)
        # The gradient of the weights: through the output, and from direct uses of the weights.
        scores_grad = tile.view(scores_memory, one_behind_the_other=False)
        if output_grad is not None:
            grad = tile.of(output_grad).flatten(0, 1)
            values = tile.of_keys(value).flatten(0, 1)
            torch.bmm(grad, values.transpose(1, 2), out=scores_grad.flatten(0, 1))
            _add_product(tile.of_keys(value_grad), weights, grad)
        if weights_grad is not None:
            direct = tile.of(weights_grad, columns=True)
            if output_grad is None:
                scores_grad = scores_grad.copy_(direct)
            else:
                scores_grad = scores_grad.add_(direct)
        # Through the softmax, in place: the gradient of the scores.
        torch.ops.aten._softmax_backward_data.out(
            scores_grad, weights, -1, weights.dtype, grad_input=scores_grad
        )
        # A query's gradient comes from this tile only; a key's is summed over all tiles.
        product = torch.bmm(scores_grad.flatten(0, 1), tile.of_keys(key).flatten(0, 1))
        tile.of(query_grad).copy_(product.view_as(tile.of(query_grad)))
        _add_product(tile.of_keys(key_grad), scores_grad, tile.of(query).flatten(0, 1))
    return query_grad.mul_(scale), key_grad.mul_(scale), value_grad


def _add_product(
    total: Float[Tensor, "batches heads columns width"],
    left_factor: Float[Tensor, "batches heads rows columns"],
    right: Float[Tensor, "batches*heads rows width"],
) -> None:
    """Add left^T right to the total, for each batch row and head."""
    product = torch.bmm(left_factor.flatten(0, 1).transpose(1, 2), right)
    total.add_(product.view_as(total))


def _differentiable(
    query: Float[Tensor, "batch heads query_len head_dim"],
    key: Float[Tensor, "batch heads key_len head_dim"],
    value: Float[Tensor, "batch heads key_len head_dim"],
    masking: Masking,
    average: bool,
    dtype: torch.dtype,
    grads: tuple[Tensor | None, Tensor | None],
) -> tuple[Tensor | None, ...]:
    """Compute the gradients of query, key and value in a differentiable way."""
    output, weights = plain_attention(query, key, value, masking)
    weights = (weights.mean(dim=1) if average else weights).to(dtype)
    pairs = [(x, g) for x, g in zip((output, weights), grads, strict=True) if g is not None]
    inputs = [x for x in (query, key, value) if x.requires_grad]
    input_grads = iter(
        torch.autograd.grad(
            [x for x, _ in pairs],
            inputs,
            [g for _, g in pairs],
            create_graph=True,
            allow_unused=True,
        )
    )
    return tuple(next(input_grads) if x.requires_grad else None for x in (query, key, value))


def tiled_attention(
    query: Float[Tensor, "batch heads query_len head_dim"],
    key: Float[Tensor, "batch heads key_len head_dim"],
    value: Float[Tensor, "batch heads key_len head_dim"],
    masking: Masking,
    average: bool,
    dtype: torch.dtype,
) -> tuple[Float[Tensor, "batch heads query_len head_dim"], Float[Tensor, "... query_len key_len"]]:
    """Compute output and weights, differentiable in query, key and value, not in the mask.

    Args:
        query, key, value: plain tensors.
        masking: with a mask that needs no gradient.
        average: whether to return the mean of the weights over heads, or all weights.
        dtype: of the weights.
    """
    if not (torch.is_grad_enabled() and any(x.requires_grad for x in (query, key, value))):
        return _forward(query, key, value, masking, average, dtype, tile_budget(query))[:2]
    output_and_weights: tuple[Tensor, Tensor] = _TiledAttention.apply(
        query, key, value, *masking, average, dtype
    )
    return output_and_weights
