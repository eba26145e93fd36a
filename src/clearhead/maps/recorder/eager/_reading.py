"""From a softmax back to the product that its scores came from: queries, keys and scoring."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from ...recording.captured import CapturedAttention, Unreadable
from ..mask_cache import MaskCache
from ._axes import Axes, Place
from ._composition import compose
from ._merged_axes import Copies, Split, split_of
from ._nodes import Layout, Node, SinkAppended


class Reading(NamedTuple):
    """What a softmax is about to normalise.

    Attributes:
        captured: the attention.
        axes: what the axes of the softmax's input are.
        heads: Int["..."], for each place but those of the keys, batch_index * heads + head.
    """

    captured: CapturedAttention
    axes: Axes
    heads: Tensor


class Surroundings(NamedTuple):
    """What is known beside the scores themselves.

    Attributes:
        head_hints: numbers of heads that the module speaks of.
        batches: batch sizes that would be plausible.
        copies: where the memory of queries and keys was copied from.
        masks: masks that were made compact already.
    """

    head_hints: list[int]
    batches: frozenset[int]
    copies: Copies
    masks: MaskCache


def read_scores(node: Node, scores: Tensor, axis: int, around: Surroundings) -> Reading:
    """What a softmax is about to normalise.

    Args:
        node: the note on the memory that the scores lie in.
        scores: the softmax's input.
        axis: its axis.
        around: what else is known.

    Raises:
        Unreadable: a step of the chain is not understood, or changes scores in a way that no
            map holds.
    """
    lost = node.lost
    if lost is not None:
        raise Unreadable(lost)
    layout = Layout.of(scores).moved(axis, -1)
    places, batch_index, row, column, left, right = _trace(node, layout)
    query_axis = _query_axis(batch_index)
    batch_index, row = (x.movedim(query_axis, -1) for x in (batch_index, row))
    lead = tuple(batch_index.shape[:-1])
    split = _split(batch_index, lead, left, right, around)
    axes = Axes(axis, query_axis, split.batch, split.heads, split.heads_first)
    numbers = torch.arange(split.batch * split.heads).reshape(split.batch, split.heads)
    numbers = (numbers.mT if split.heads_first else numbers).reshape(lead)
    batch_index, row = (
        axes.batch_and_heads(x.reshape(-1, x.shape[-1])) for x in (batch_index, row)
    )
    query, key = _factors(left, right, batch_index, row, column)
    name = node.product.name
    captured = compose(places, scores, axes, layout, query, key, around.masks, name)
    if not split.certain:
        captured.notes += ("batch and heads share an axis, and could not be told apart",)
    heads = numbers[..., None].expand(*lead, batch_index.shape[-1]).movedim(-1, query_axis)
    return Reading(captured, axes, heads)


def _split(
    batch_index: Tensor, lead: tuple[int, ...], left: Tensor, right: Tensor, around: Surroundings
) -> Split:
    """How the leading axes are made of batch and heads."""
    if len(lead) > 2:
        shared = _constant(batch_index[..., 0], -1)
        heads = lead[-1] * lead[-2] if shared else lead[-1]
        return Split(math.prod(lead) // heads, heads)
    first = batch_index[..., 0].reshape(-1)
    evidence = None
    for factor in (left, right.transpose(1, 2)):
        evidence = evidence or around.copies.parts(factor, first)
    inside = any(_inside_rows(factor) for factor in (left, right.transpose(1, 2)))
    return split_of(lead, evidence, around.head_hints, around.batches, inside_rows=inside)


def _inside_rows(factor: Tensor) -> bool:
    """Whether the first axis of [lead, rows, width] lies within the rows of the memory, one
    piece of features beside the other, so that the batch is the outer part of it."""
    lead, rows, width = factor.shape
    if rows < 2 or lead < 2:
        return False
    return factor.stride(0) == width and factor.stride(1) >= lead * width


def _trace(
    node: Node, layout: Layout
) -> tuple[list[Place], Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Follows the places of the softmax's input back to the product."""
    lead, width = layout.shape[:-1], layout.shape[-1]
    grid = [
        torch.arange(size).reshape([-1 if i == j else 1 for j in range(len(lead))])
        for i, size in enumerate(lead)
    ]
    zero = torch.zeros((), dtype=torch.int64)
    rows = layout.positions([*grid, zero]).expand(lead)
    ends = [torch.tensor([[0], [size - 1]]) for size in lead]
    columns = layout.positions([*ends, torch.arange(width)[None]]).expand(2, width)
    places = []
    for current in reversed(node.chain()):
        at_rows = current.layout.coordinates(rows)
        at_columns = current.layout.coordinates(columns)
        places.append(Place(current, at_rows, at_columns))
        if current.parent is None:
            break
        assert current.seen_as is not None
        if isinstance(current.step, SinkAppended):
            keys = current.seen_as.shape[-1]
            if bool((at_columns[-1][:, -1] == keys).all()):
                at_columns = [x[..., :-1] if x.shape[-1] > 1 else x for x in at_columns]
            if bool((at_columns[-1] >= keys).any()):
                raise Unreadable("the sink's column is not the last one")
        rows = current.seen_as.positions(at_rows)
        columns = current.seen_as.positions(at_columns)
    left, right = places[-1].node.product.left, places[-1].node.product.right
    (n, i, j), (n_c, i_c, j_c) = at_rows, at_columns
    if columns.shape[-1] > 1 and bool((i_c != i_c[:, :1]).any()):  # keys times queries
        left, right = right.transpose(1, 2), left.transpose(1, 2)
        i, j, i_c, j_c = j, i, j_c, i_c
    straight = (
        bool((i_c == i_c[:, :1]).all())
        and bool((n_c == n_c[:, :1]).all())
        and bool((j_c[0] == j_c[1]).all())
        and bool((j == j_c[0, 0]).all())
    )
    if not straight:
        raise Unreadable("the scores were shifted or reordered differently in different rows")
    n, i = (x.expand(lead) for x in (n, i))
    return places[::-1], n, i, j_c[0], left, right


def _constant(x: Tensor, axis: int) -> bool:
    return x.shape[axis] == 1 or bool((x == x.narrow(axis, 0, 1)).all())


def _query_axis(batch_index: Tensor) -> int:
    """The axis along which the keys stay the same: the last one where that is so."""
    last = batch_index.ndim - 1
    if _constant(batch_index, last):
        return last
    constant = [
        axis for axis in range(last) if batch_index.shape[axis] > 1 and _constant(batch_index, axis)
    ]
    if not constant:
        raise Unreadable("every query has keys of its own")
    return constant[-1]


def _factors(
    left: Tensor, right: Tensor, batch_index: Tensor, row: Tensor, column: Tensor
) -> tuple[Tensor, Tensor]:
    """Queries [batch, heads, query_len, head_dim] and keys [batch, kv_heads, key_len, head_dim].

    Args:
        batch_index, row: Int["batch heads query_len"], where each query is in the left factor.
        column: Int["key_len"], where each key is in the right one.
    """
    batch, heads = batch_index.shape[:2]
    rows, width = left.shape[1:]
    flat = (batch_index * rows + row).reshape(-1)
    if flat.numel() == left.shape[0] * rows and bool((flat == torch.arange(flat.numel())).all()):
        query = left
    else:
        query = left.reshape(-1, width).index_select(0, flat.to(left.device))
    query = query.reshape(batch, heads, -1, width)
    owners = batch_index[..., 0]
    group = max(
        g
        for g in range(1, heads + 1)
        if heads % g == 0 and _constant(owners.reshape(batch, -1, g), -1)
    )
    chosen = owners[:, ::group].reshape(-1)
    key = right.transpose(1, 2)
    if chosen.numel() != key.shape[0] or bool((chosen != torch.arange(chosen.numel())).any()):
        key = key.index_select(0, chosen.to(key.device))
    if column.numel() != key.shape[1] or bool((column != torch.arange(column.numel())).any()):
        key = key.index_select(1, column.to(key.device))
    return query, key.reshape(batch, heads // group, -1, key.shape[-1])
