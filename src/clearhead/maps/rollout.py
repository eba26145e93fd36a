"""Attention rollout, through all layers, without an L x L product.

Attention rollout (Abnar and Zuidema 2020, arXiv 2005.00928) treats each layer as a step of a random
walk over positions. With P_h the attention weights of head h, a layer passes on

    A = (r I + (1 - r) mean_h P_h) / its row sums,

where r is the share that the residual connection carries (the paper's 0.5), and L layers pass on
R = A_L ... A_2 A_1: row i of R says what output position i draws on, column j where input
position j went. The row sums are 1 except where a query may attend to nothing (its row becomes
the identity: the residual alone) and where a sink takes part of the weight.

All of R is never needed. A row is a row vector times matrices, from the last layer down, a column
matrices times a vector, from the first layer up:

    rollout:  w <- w A_l,  l = L ... 1        flow_to:  v <- A_l v,  l = 1 ... L

and each product is a sum over tiles of P_h, which come from queries, keys and the log-sum-exp.
Memory is linear in the length, work is one pass over the tiles of each layer.

Rollout is a model of routing, not a fact about the network: it ignores values and feed-forward
layers, and counts all heads the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from ..errors import ShapeError
from ..shapes import Float, Float64, Int
from ._rollout_arguments import Heads, Tokens, check_maps, head_indices, places_of
from .attention_map import AttentionMap
from .measures.base import Accumulator, Tile
from .scores.positions import chunks
from .stacks import Layers, self_attention_stack
from .storage.tiles import TilePass


def rollout(
    maps: Any,
    tokens: Tokens,
    *,
    layers: Layers = None,
    residual: float = 0.5,
    heads: Heads = None,
) -> Float[Tensor, "batch *n length"]:
    """Compute what output positions draw on among the inputs, through all layers.

    Rows of the rollout matrix of Abnar and Zuidema 2020 (arXiv 2005.00928), computed from the
    last layer down: w <- w A_l with A_l = (r I + (1 - r) mean_h P_h) / row sums.

    Args:
        maps: a recording, or the maps of self-attention of one stack in the order of its layers,
            each Float["batch heads length length"]. A part of the layers gives the rollout of that
            part.
        tokens: output positions: one, several, or [batch, n] for different ones in each sequence
            (such as the last tokens of sequences padded on the right). Negative ones count from the
            end.
        layers: which stack of a recording: a pattern (``"encoder*"``) or names in their order;
            needed where there are several, as in a model with encoder and decoder.
        residual: the share r of the residual connection, 0 to 1; the paper takes 0.5.
        heads: the heads to average over in every layer; None for all.

    Returns:
        [batch, n, length], or [batch, length] for a single int. Each row sums to 1.

    Raises:
        ShapeError: the maps are not square or do not fit together.
        ConfigError: a token, head or share that does not exist, or several stacks to choose from.
        TraceError: an attention among them could not be read.
    """
    stack = self_attention_stack(maps, layers)
    return _walk(stack, stack[::-1], tokens, _downwards, residual, heads)


def flow_to(
    maps: Any,
    tokens: Tokens,
    *,
    layers: Layers = None,
    residual: float = 0.5,
    heads: Heads = None,
) -> Float[Tensor, "batch *n length"]:
    """Compute how much every output position draws on input tokens, through all layers.

    Columns of the rollout matrix of Abnar and Zuidema 2020 (arXiv 2005.00928), computed from the
    first layer up: v <- A_l v with A_l = (r I + (1 - r) mean_h P_h) / row sums. Entry j of
    `rollout(maps, i)` is entry i of `flow_to(maps, j)`.

    Args:
        maps, layers, residual, heads: as in `rollout`.
        tokens: input positions, one, several, or Int["batch n"].

    Returns:
        [batch, n, length], or [batch, length] for a single int: over output positions, each
        value 0 to 1. They do not sum to 1: a token may reach all positions, or none.

    Raises:
        ShapeError: the maps are not square or do not fit together.
        ConfigError: a token, head or share that does not exist, or several stacks to choose from.
        TraceError: an attention among them could not be read.
    """
    stack = self_attention_stack(maps, layers)
    return _walk(stack, stack, tokens, _upwards, residual, heads)


def flow_of(
    maps: Any,
    shares: Float[Tensor, "batch n length"],
    *,
    layers: Layers = None,
    residual: float = 0.5,
    heads: Heads = None,
) -> Float[Tensor, "batch n length"]:
    """Compute how much every output position draws on shares of the input, through all layers.

    A share of 1 for one token gives what `flow_to` computes; ones for a span give the sum over it.

    Args:
        maps, layers, residual, heads: as in `rollout`.
        shares: how much of each input position counts.

    Raises:
        ShapeError, ConfigError, TraceError: as in `flow_to`.
    """
    stack = self_attention_stack(maps, layers)
    check_maps(stack, residual)
    batch, length = stack[0].shape[0], stack[0].shape[2]
    if shares.ndim != 3 or (shares.shape[0], shares.shape[2]) != (batch, length):
        raise ShapeError(
            f"shares are [batch, n, length] with batch {batch} and length {length}; got "
            f"{list(shares.shape)}."
        )
    flow = shares.to(torch.float64)
    for attention_map in stack:
        flow = _upwards(flow, attention_map, residual, head_indices(heads, attention_map))
    return flow.to(stack[0].dtype)


def _walk(
    stack: Sequence[AttentionMap],
    path: Sequence[AttentionMap],
    tokens: Tokens,
    step: Callable[..., Float64[Tensor, "batch n length"]],
    residual: float,
    heads: Heads,
) -> Float[Tensor, "batch *n length"]:
    """Go through all layers from some positions.

    Args:
        stack: the maps, from the first layer to the last.
        path: the same in the order in which the walk goes through them.
        tokens, residual, heads: as in `rollout`.
        step: goes through one layer: `_downwards` or `_upwards`.
    """
    check_maps(stack, residual)
    places, single = places_of(tokens, stack[0])
    flow = _one_hot(places, stack[0])
    for attention_map in path:
        flow = step(flow, attention_map, residual, head_indices(heads, attention_map))
    flow = flow.to(stack[0].dtype)
    return flow[:, 0] if single else flow


@torch.no_grad()
def _downwards(
    flow: Float64[Tensor, "batch n length"],
    attention_map: AttentionMap,
    residual: float,
    heads: Int[Tensor, "heads"],
) -> Float64[Tensor, "batch n length"]:
    """Go down one layer of `rollout`: w A."""
    own_share, attention_share = (x[:, None] for x in _shares(attention_map, residual, heads))
    flow = flow.to(own_share.device)
    through_attention = flow * attention_share
    rows = through_attention.any(1).any(0).nonzero()[:, 0]
    if len(rows) * 4 > flow.shape[-1]:
        below = _through(attention_map, _Downwards(through_attention, heads))
    else:  # at the last layer only a few positions matter
        below = torch.zeros_like(flow)
        for part in chunks(len(rows), attention_map.shape[1] * flow.shape[0] * flow.shape[-1]):
            weights = attention_map[:, :, rows[part]][:, heads]
            below += through_attention[..., rows[part]] @ weights.mean(1).to(through_attention)
    return flow * own_share + below


@torch.no_grad()
def _upwards(
    flow: Float64[Tensor, "batch n length"],
    attention_map: AttentionMap,
    residual: float,
    heads: Int[Tensor, "heads"],
) -> Float64[Tensor, "batch n length"]:
    """Go up one layer of `flow_to`: A v, for v as rows."""
    own_share, attention_share = (x[:, None] for x in _shares(attention_map, residual, heads))
    flow = flow.to(own_share.device)
    through_attention = _through(attention_map, _Upwards(flow, heads))
    return flow * own_share + attention_share * through_attention


def _through(attention_map: AttentionMap, product: _Product) -> Float64[Tensor, "batch n length"]:
    """Multiply with the mean of the heads' matrices, tile by tile."""
    query, key = attention_map.query, attention_map.key
    TilePass(query, key, attention_map.scoring, needs_scores=False).run([product])
    return product.result()


class _Product(Accumulator[Tensor]):
    """A product with mean_h P_h, summed up from the tiles of all P_h.

    Args:
        flow: the other factor.
        heads: the heads that count.
    """

    def __init__(
        self, flow: Float64[Tensor, "batch n length"], heads: Int[Tensor, "heads"]
    ) -> None:
        super().__init__()
        self.flow, self.heads = flow, heads
        self.product = torch.zeros_like(flow)

    def of_heads(self, tile: Tile) -> Float[Tensor, "batch rows columns"]:
        """Sum the tile's weights over the heads that count."""
        inside = (self.heads >= tile.heads.start) & (self.heads < tile.heads.stop)
        if bool(inside.all()) and len(self.heads) == tile.weights.shape[1]:
            return tile.weights.sum(1)
        return tile.weights[:, self.heads[inside] - tile.heads.start].sum(1)

    def result(self) -> Float64[Tensor, "batch n length"]:
        return self.product / len(self.heads)


class _Downwards(_Product):
    def add(self, tile: Tile) -> None:
        weights = self.of_heads(tile)
        product = self.flow[tile.batch, :, tile.rows].to(weights.dtype) @ weights
        with self.lock:
            self.product[tile.batch, :, tile.columns] += product


class _Upwards(_Product):
    def add(self, tile: Tile) -> None:
        weights = self.of_heads(tile)
        product = self.flow[tile.batch, :, tile.columns].to(weights.dtype) @ weights.mT
        with self.lock:
            self.product[tile.batch, :, tile.rows] += product


def _shares(
    attention_map: AttentionMap, residual: float, heads: Int[Tensor, "heads"]
) -> tuple[Float64[Tensor, "batch length"], Float64[Tensor, "batch length"]]:
    """Return the share that each row keeps of itself, and the factor of its weights."""
    row_sum = _row_sums(attention_map, heads)
    total = residual + (1 - residual) * row_sum
    nothing = total <= 0  # r is 0 and the query may attend to nothing: it keeps all of itself
    total = total.masked_fill(nothing, 1.0)
    own_share = torch.full_like(total, residual) / total
    return own_share.masked_fill(nothing, 1.0), (1 - residual) / total


def _row_sums(
    attention_map: AttentionMap, heads: Int[Tensor, "heads"]
) -> Float64[Tensor, "batch length"]:
    """Return the row sums of mean_h P_h: 1, unless a mask or a sink takes part of a row."""
    batch, count, query_len, _ = attention_map.shape
    scoring, device = attention_map.scoring, attention_map.query.device
    # A mask alone leaves 1, or 0 where a query may attend to nothing.
    if scoring.sinks is None and scoring.bias is None and scoring.score_mod is None:
        sums = torch.ones(1, 1, 1, dtype=torch.float64, device=device)
        if scoring.mask is not None:
            sums = scoring.mask.sees().to(sums)
        return sums.expand(batch, count, query_len)[:, heads].mean(1)
    highest, log_sum = (x[:, heads].double() for x in attention_map.denominators)
    sums = (highest > -torch.inf).double()
    if scoring.sinks is not None:  # the sink has exp(sink - highest - log_sum) of the row
        sums *= -torch.expm1(scoring.sinks.double()[heads][:, None] - highest - log_sum)
    return sums.nan_to_num(0.0).clamp(0.0, 1.0).mean(1)


def _one_hot(
    places: Int[Tensor, "batch n"], attention_map: AttentionMap
) -> Float64[Tensor, "batch n length"]:
    """Return where each walk begins."""
    start = torch.zeros(
        *places.shape, attention_map.shape[2], dtype=torch.float64, device=places.device
    )
    return start.scatter_(-1, places[..., None], 1.0)
