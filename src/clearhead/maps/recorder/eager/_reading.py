"""Goes back from a softmax to the product of its scores, and reads queries, keys and scoring."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from ....shapes import Float, Int
from ...recording.captured import CapturedAttention, Unreadable
from ..agreement import check_weights
from ..mask_cache import MaskCache
from ._axes import Axes, Place
from ._composition import compose
from ._merged_axes import Copies, Split, split_of
from ._nodes import Addition, Layout, Node, SinkColumn
from ._weights import Weights

_SUM_OF_PRODUCTS = (
    "its scores are a sum of several products: queries and keys are those of one of them, and the "
    "others are a bias"
)


class ScoreReading(NamedTuple):
    """The attention that a softmax normalises.

    Attributes:
        captured: the attention.
        axes: the roles of the axes of the softmax's input.
        heads: for each index but that of the key axis, batch_index * heads + head.
    """

    captured: CapturedAttention
    axes: Axes
    heads: Int[Tensor, "..."]


class Surroundings(NamedTuple):
    """What helps to read scores, beside the scores themselves.

    Attributes:
        head_hints: the numbers of heads that the module has as attributes.
        batches: plausible batch sizes.
        copies: the sources of copies, for the memory of queries and keys.
        masks: the cache of compact masks.
    """

    head_hints: list[int]
    batches: frozenset[int]
    copies: Copies
    masks: MaskCache


def read_scores(node: Node, scores: Tensor, axis: int, around: Surroundings) -> ScoreReading:
    """Return the attention that a softmax normalises, and the roles of the axes.

    Args:
        node: the node of the memory that holds the scores.
        scores: the softmax's input.
        axis: its axis.
        around: what helps to read them.

    Raises:
        Unreadable: a step of the chain is not understood, or a map cannot represent it.
    """
    why_unknown = node.why_unknown
    if why_unknown is not None:
        raise Unreadable(why_unknown)
    layout = Layout.of(scores).move_axis(axis, -1)
    steps, batch_index, row, column, lhs, rhs = _follow_to_product(node, layout)
    # Which axes are queries, batch and heads.
    query_axis = _query_axis(batch_index)
    batch_index, row = (x.movedim(query_axis, -1) for x in (batch_index, row))
    lead = tuple(batch_index.shape[:-1])
    split = _split(batch_index, lead, lhs, rhs, around)
    axes = Axes(axis, query_axis, split.batch, split.heads, split.heads_first)
    # The number of each head in the batch, and the places from which to gather queries and keys.
    numbers = torch.arange(split.batch * split.heads).reshape(split.batch, split.heads)
    numbers = (numbers.mT if split.heads_first else numbers).reshape(lead)
    batch_index, row = (
        axes.batch_and_heads(x.reshape(-1, x.shape[-1])) for x in (batch_index, row)
    )
    query, key = _factors(lhs, rhs, batch_index, row, column)
    name = node.product.name
    captured = compose(steps, scores, axes, layout, query, key, around.masks, name)
    if not split.certain:
        captured.notes += ("batch and heads share an axis, and could not be told apart",)
    heads = numbers[..., None].expand(*lead, batch_index.shape[-1]).movedim(-1, query_axis)
    return ScoreReading(captured, axes, heads)


def _split(
    batch_index: Int[Tensor, "*lead"],
    lead: tuple[int, ...],
    lhs: Float[Tensor, "matrices rows head_dim"],
    rhs: Float[Tensor, "matrices head_dim columns"],
    around: Surroundings,
) -> Split:
    """Return how the leading axes are composed of batch and heads."""
    if len(lead) > 2:
        shared = _constant(batch_index[..., 0], -1)
        heads = lead[-1] * lead[-2] if shared else lead[-1]
        return Split(math.prod(lead) // heads, heads)
    first = batch_index[..., 0].reshape(-1)
    evidence = None
    for factor in (lhs, rhs.transpose(1, 2)):
        evidence = evidence or around.copies.parts(factor, first)
    inside = any(_inside_rows(factor) for factor in (lhs, rhs.transpose(1, 2)))
    return split_of(lead, evidence, around.head_hints, around.batches, inside_rows=inside)


def _inside_rows(factor: Float[Tensor, "matrices rows width"]) -> bool:
    """Return whether the first axis of a factor is within the rows of the memory.

    It then consists of pieces of features, side by side, and the batch is its outer part.
    """
    lead, rows, width = factor.shape
    if rows < 2 or lead < 2:
        return False
    return factor.stride(0) == width and factor.stride(1) >= lead * width


class _ProductPlaces(NamedTuple):
    """The places that the rows and columns of a softmax's input come from.

    Attributes:
        steps: their places in each tensor of the chain, the product's first.
        batch_index: for each row, the product's first index.
        row: for each row, its row of the left factor.
        column: for each column, its column of the right factor.
        lhs, rhs: the factors, transposed if need be, so that rows are queries.
    """

    steps: list[Place]
    batch_index: Int[Tensor, "*lead"]
    row: Int[Tensor, "*lead"]
    column: Int[Tensor, "key_len"]
    lhs: Float[Tensor, "matrices rows head_dim"]
    rhs: Float[Tensor, "matrices head_dim columns"]


def _follow_to_product(node: Node, layout: Layout) -> _ProductPlaces:
    """Follow the rows and columns of the softmax's input back to the product.

    Columns are followed in the first and the last row only, which must agree.
    """
    lead, width = layout.shape[:-1], layout.shape[-1]
    grid = [
        torch.arange(size).reshape([-1 if i == j else 1 for j in range(len(lead))])
        for i, size in enumerate(lead)
    ]
    zero = torch.zeros((), dtype=torch.int64)
    rows = layout.positions([*grid, zero]).expand(lead)
    ends = [torch.tensor([[0], [size - 1]]) for size in lead]
    columns = layout.positions([*ends, torch.arange(width)[None]]).expand(2, width)
    steps = []
    # Positions in memory become coordinates in a tensor, and these become positions in its parent.
    for current in reversed(node.chain()):
        at_rows = current.layout.coordinates(rows)
        at_columns = current.layout.coordinates(columns)
        steps.append(Place(current, at_rows, at_columns))
        if current.parent is None:
            break
        assert current.operand_layout is not None
        if isinstance(current.step, SinkColumn):
            at_columns = _without_sink(at_columns, current.operand_layout.shape[-1])
        rows = current.operand_layout.positions(at_rows)
        columns = current.operand_layout.positions(at_columns)
    lhs, rhs = steps[-1].node.product.lhs, steps[-1].node.product.rhs
    (n, i, j), (n_c, i_c, j_c) = at_rows, at_columns
    if columns.shape[-1] > 1 and bool((i_c != i_c[:, :1]).any()):  # keys times queries
        lhs, rhs = rhs.transpose(1, 2), lhs.transpose(1, 2)
        i, j, i_c, j_c = j, i, j_c, i_c
    same_row = bool((i_c == i_c[:, :1]).all()) and bool((n_c == n_c[:, :1]).all())
    same_columns = bool((j_c[0] == j_c[1]).all()) and bool((j == j_c[0, 0]).all())
    if not (same_row and same_columns):
        raise Unreadable("the scores were shifted or reordered differently in different rows")
    n, i = (x.expand(lead) for x in (n, i))
    return _ProductPlaces(steps[::-1], n, i, j_c[0], lhs, rhs)


def _without_sink(columns: list[Tensor], key_len: int) -> list[Tensor]:
    """Return the coordinates of the columns without the sink's, which must be the last."""
    if bool((columns[-1][:, -1] == key_len).all()):
        columns = [x[..., :-1] if x.shape[-1] > 1 else x for x in columns]
    if bool((columns[-1] >= key_len).any()):
        raise Unreadable("the sink's column is not the last one")
    return columns


def _constant(x: Tensor, axis: int) -> bool:
    """Return whether numbers are constant along an axis."""
    return x.shape[axis] == 1 or bool((x == x.narrow(axis, 0, 1)).all())


def _query_axis(batch_index: Tensor) -> int:
    """Return the axis of the queries: the last one along which the keys stay the same."""
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
    lhs: Float[Tensor, "matrices rows head_dim"],
    rhs: Float[Tensor, "matrices head_dim columns"],
    batch_index: Int[Tensor, "batch heads query_len"],
    row: Int[Tensor, "batch heads query_len"],
    column: Int[Tensor, "key_len"],
) -> tuple[
    Float[Tensor, "batch heads query_len head_dim"],
    Float[Tensor, "batch kv_heads key_len head_dim"],
]:
    """Gather queries and keys from the factors of the product.

    Args:
        lhs, rhs: the factors.
        batch_index, row: where each query is in the left factor.
        column: where each key is in the right factor.
    """
    batch, heads = batch_index.shape[:2]
    rows, width = lhs.shape[1:]
    flat = (batch_index * rows + row).reshape(-1)
    if flat.numel() == lhs.shape[0] * rows and bool((flat == torch.arange(flat.numel())).all()):
        query = lhs
    else:
        query = lhs.reshape(-1, width).index_select(0, flat.to(lhs.device))
    query = query.reshape(batch, heads, -1, width)
    # Heads of a group have the same keys, which are gathered once.
    matrix = batch_index[..., 0]
    group = max(
        g
        for g in range(1, heads + 1)
        if heads % g == 0 and _constant(matrix.reshape(batch, -1, g), -1)
    )
    of_group = matrix[:, ::group].reshape(-1)
    key = rhs.transpose(1, 2)
    if of_group.numel() != key.shape[0] or bool((of_group != torch.arange(len(of_group))).any()):
        key = key.index_select(0, of_group.to(key.device))
    if column.numel() != key.shape[1] or bool((column != torch.arange(column.numel())).any()):
        key = key.index_select(1, column.to(key.device))
    return query, key.reshape(batch, heads // group, -1, key.shape[-1])


def read_weights(
    weights: Weights,
    node: Node,
    scores: Tensor,
    axis: int,
    out: Tensor,
    copies: Copies,
    masks: MaskCache,
) -> None:
    """Read the attention of a softmax, and compare it with the softmax's result.

    Args:
        weights: the softmax's result, whose attention is completed.
        node, scores, axis: the input, as in `read_scores`.
        out: its result.
        copies: the sources of copies, for the memory of queries and keys.
        masks: the cache of compact masks.

    Raises:
        Unreadable: it cannot be read, or its weights are others.
    """
    owner = weights.attention.owner
    assert owner is not None
    for _, call in owner.calls:
        for x in call.values():
            if isinstance(x, Tensor) and x.ndim > 2 and type(x) is Tensor:
                copies.note_whole(x)
    around = Surroundings(owner.head_hints, owner.batches, copies, masks)
    reading = read_scores(node, scores, axis, around)
    captured = reading.captured
    # The model may overwrite their memory before the weights meet the values.
    captured.query, captured.key = captured.query.clone(), captured.key.clone()
    dtypes = {captured.query.dtype, *weights.dtypes}
    current: Node | None = node
    while current is not None:
        dtypes.add(current.dtype)
        if isinstance(current.step, Addition) and current.step.is_product:
            captured.notes += (_SUM_OF_PRODUCTS,)
        current = current.parent
    weights.dtypes = tuple(dtypes)
    check_weights(captured, reading.axes.four(out.detach()), dtypes=weights.dtypes)
    weights.attention.captured = captured
    weights.heads, weights.axes = reading.heads, replace(reading.axes, softmax=-1)
