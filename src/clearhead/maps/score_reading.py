"""From a softmax back to the product that its scores came from: queries, keys and scoring."""

from __future__ import annotations

import torch
from torch import Tensor

from .captured import Captured, Unreadable
from .mask_cache import MaskCache
from .score_axes import Axes, Place
from .score_composition import compose
from .score_nodes import Layout, Node, SinkAppended


def heads_of(lead: int, hints: list[int], batches: frozenset[int]) -> int:
    """How many heads an axis holds that batch and heads were taken together to; 1 if unknown."""
    fitting = [hint for hint in hints if hint > 0 and lead % hint == 0]
    for hint in fitting:
        if lead // hint in batches:
            return hint
    return fitting[0] if fitting else 1


def read_scores(
    node: Node,
    scores: Tensor,
    axis: int,
    *,
    head_hints: list[int],
    batches: frozenset[int],
    masks: MaskCache,
) -> tuple[Captured, Axes, Tensor]:
    """What a softmax is about to normalise.

    Args:
        node: the note on the memory that the scores lie in.
        scores: the softmax's input.
        axis: its axis.
        head_hints: numbers of heads that the module speaks of.
        batches: batch sizes that would be plausible.

    Returns:
        What was captured, what the axes are, and for each of the leading places the number
        batch_index * heads + head.

    Raises:
        Unreadable: a step of the chain is not understood, or changes scores in a way that no
            map holds.
    """
    lost = node.lost
    if lost is not None:
        raise Unreadable(lost)
    product = node.product
    if not product.untouched:
        raise Unreadable("queries or keys were written to before their scores were normalised")
    layout = Layout.of(scores).moved(axis, -1)
    places, batch_index, row, column, left, right = _trace(node, layout)
    query_axis = _query_axis(batch_index)
    batch_index, row = (x.movedim(query_axis, -1) for x in (batch_index, row))
    lead = batch_index.shape[:-1]
    if len(lead) < 2:
        heads = heads_of(lead.numel(), head_hints, batches) if lead else 1
    elif len(lead) > 2 and _constant(batch_index[..., 0], -1):
        heads = lead[-1] * lead[-2]
    else:
        heads = lead[-1]
    batch = lead.numel() // heads
    axes = Axes(axis, query_axis, batch, heads)
    query, key = _factors(left, right, batch_index, row, column, (batch, heads))
    captured = compose(places, scores, axes, layout, query, key, masks, product.name)
    if len(lead) == 1 and heads == 1 and lead[0] > 1:
        captured.notes += ("batch and heads share an axis, and could not be told apart",)
    owner_of_row = torch.arange(batch * heads).reshape(lead)[..., None].expand(batch_index.shape)
    return captured, axes, owner_of_row.movedim(-1, query_axis)


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
    left: Tensor,
    right: Tensor,
    batch_index: Tensor,
    row: Tensor,
    column: Tensor,
    sizes: tuple[int, int],
) -> tuple[Tensor, Tensor]:
    """Queries [batch, heads, query_len, head_dim] and keys [batch, kv_heads, key_len, head_dim]."""
    batch, heads = sizes
    rows, width = left.shape[1:]
    flat = (batch_index * rows + row).reshape(-1)
    if flat.numel() == left.shape[0] * rows and bool((flat == torch.arange(flat.numel())).all()):
        query = left
    else:
        query = left.reshape(-1, width).index_select(0, flat.to(left.device))
    query = query.reshape(batch, heads, -1, width)
    owners = batch_index[..., 0].reshape(batch, heads)
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
