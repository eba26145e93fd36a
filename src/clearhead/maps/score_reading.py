"""From a softmax back to the product that its scores came from: queries, keys and scoring."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .bias import compact_bias
from .captured import Captured, Unreadable
from .compact_mask import CompactMask, both_allowed
from .mask_cache import MaskCache
from .score_nodes import (
    Added,
    Capped,
    Copied,
    Filled,
    Layout,
    Lost,
    Node,
    RowsScaled,
    Scaled,
    Shifted,
    SinkAppended,
    row_major,
)
from .scoring import Scoring

# A term that has to be brought into another order of axes is copied whole, up to so many entries.
_GATHERED_AT_MOST = 1 << 24
# exp underflows to 0 below the negative of it.
_UNDERFLOW = {torch.float64: 750.0}
_UNDERFLOW_OTHERS = 105.0


@dataclass(frozen=True, eq=False)
class Axes:
    """What the axes of a softmax's input are.

    Attributes:
        softmax: the axis of the keys.
        query: the axis of the queries, after that of the keys was moved to the end.
        batch, heads: what the axes before them are taken together to.
    """

    softmax: int
    query: int
    batch: int
    heads: int

    def four(self, x: Tensor) -> Tensor:
        """[batch|1, heads|1, queries, keys] of a tensor with these axes, some perhaps 1 wide."""
        x = x.movedim(self.softmax, -1)
        if self.query != x.ndim - 2:
            x = x.movedim(self.query, -2)
        lead = x.shape[:-2]
        if len(lead) == 2 and lead[0] in (1, self.batch) and lead[1] in (1, self.heads):
            return x
        if all(size == 1 for size in lead):
            return x.reshape(1, 1, *x.shape[-2:])
        if lead.numel() != self.batch * self.heads:
            raise Unreadable(
                "a mask or bias is broadcast along an axis that became part of another"
            )
        return x.reshape(self.batch, self.heads, *x.shape[-2:])


@dataclass(frozen=True, eq=False)
class _Place:
    """Where the rows and columns of a softmax's input are in a node's tensor."""

    node: Node
    rows: list[Tensor]
    columns: list[Tensor]


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
    captured = _compose(places, scores, axes, layout, query, key, masks, product.name)
    if len(lead) == 1 and heads == 1 and lead[0] > 1:
        captured.notes += ("batch and heads share an axis, and could not be told apart",)
    owner_of_row = torch.arange(batch * heads).reshape(lead)[..., None].expand(batch_index.shape)
    return captured, axes, owner_of_row.movedim(-1, query_axis)


def _trace(
    node: Node, layout: Layout
) -> tuple[list[_Place], Tensor, Tensor, Tensor, Tensor, Tensor]:
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
        places.append(_Place(current, at_rows, at_columns))
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


class _Composition:
    """The steps of a chain, summed up."""

    def __init__(self) -> None:
        self.scale = 1.0
        self.cap: float | None = None
        self.rows: list[Tensor] = []
        self.terms: list[tuple[Tensor, float]] = []
        self.fills: list[tuple[Tensor, float, bool]] = []
        self.shifted = False
        self.sinks: Tensor | None = None

    def add(self, step: object, found: Tensor | None) -> None:
        """One step; `found` is its tensor with the softmax's axes."""
        if isinstance(step, Copied):
            return
        if self.sinks is not None and not isinstance(step, Shifted):
            raise Unreadable("scores were changed after the sinks were put beside them")
        if isinstance(step, Scaled):
            self._scale(step.factor)
        elif isinstance(step, Shifted):
            self.shifted = True
        elif isinstance(step, Capped):
            if self.terms or self.fills or self.shifted or self.cap is not None:
                raise Unreadable("scores were capped after a mask or bias had been added to them")
            self.cap = 1.0
        elif isinstance(step, RowsScaled):
            if self.terms or self.fills or self.cap is not None:
                raise Unreadable("rows of scores were scaled after a mask, bias or cap")
            assert found is not None
            self.rows.append(found)
        elif isinstance(step, Added):
            assert found is not None
            self.terms.append((found, step.factor))
        elif isinstance(step, Filled):
            assert found is not None
            if self.shifted and step.value != -torch.inf:
                raise Unreadable("shifted scores were masked with a finite number")
            self.fills.append((found, step.value, step.inverted))
        elif isinstance(step, SinkAppended):
            if self.shifted:
                raise Unreadable("sinks were put beside scores that had been shifted")
            self.sinks = found

    def _scale(self, factor: float) -> None:
        if self.cap is None:
            self.scale *= factor
        else:
            self.cap *= factor
        self.terms = [(term, f * factor) for term, f in self.terms]
        self.fills = [(where, value * factor, inv) for where, value, inv in self.fills]


def _compose(
    places: list[_Place],
    scores: Tensor,
    axes: Axes,
    layout: Layout,
    query: Tensor,
    key: Tensor,
    masks: MaskCache,
    kernel: str,
) -> Captured:
    done = _Composition()
    for place in places[1:]:
        step = place.node.step
        tensor = next((v for v in vars(step).values() if isinstance(v, Tensor)), None)
        found = None
        if isinstance(step, SinkAppended):
            found = _sinks(step.logits, axes)
        elif tensor is not None:
            found = axes.four(_in_final_axes(tensor, place, layout, axes))
        done.add(step, found)
    for factor in done.rows:
        query = query.float() * factor if query.dtype != torch.float64 else query * factor
    shape = (axes.batch, axes.heads, query.shape[2], key.shape[2])
    scoring = Scoring.of(
        query,
        key,
        scale=done.scale if done.cap is None else done.scale * done.cap,
        softcap=done.cap,
        mask=_mask(done, scores, axes, shape, masks),
        sinks=done.sinks,
    )
    return Captured(query=query, key=key, scoring=scoring, kernel=f"explicit {kernel} + softmax")


def _in_final_axes(term: Tensor, place: _Place, layout: Layout, axes: Axes) -> Tensor:
    """A term that was given for the axes of an earlier tensor, with those of the softmax."""
    anchor, final = place.node.layout.shape, layout.shape
    term = term.detach()
    term = term.reshape((1,) * (len(anchor) - term.ndim) + tuple(term.shape))
    wanted = row_major([*place.rows], anchor)
    width = anchor[-1]
    count = wanted.numel()
    steps = row_major([*place.columns], anchor)[0]
    steps = steps - steps[0]
    flat = bool((wanted.reshape(-1) == torch.arange(count) * width).all())
    flat = flat and bool((steps == torch.arange(steps.numel())).all())
    back = axes.softmax if axes.softmax >= 0 else len(final) + axes.softmax
    if flat and count * width == place.node.layout.numel:
        if anchor == final:
            return term.movedim(-1, back)
        lead = anchor[:-2]
        if anchor[-2:] == final[-2:]:
            if all(size == 1 for size in term.shape[:-2]):
                return term.reshape((1,) * (len(final) - 2) + tuple(term.shape[-2:]))
            whole = term.expand(*lead, *term.shape[-2:])
            return whole.reshape(*final[:-2], *term.shape[-2:]).movedim(-1, back)
    if wanted.numel() * steps.numel() > _GATHERED_AT_MOST:
        raise Unreadable("a large bias or mask was added before the axes were put in another order")
    index = (wanted[..., None] + steps).to(term.device)
    return term.expand(anchor).reshape(-1)[index].movedim(-1, back)


def _sinks(logits: Tensor, axes: Axes) -> Tensor:
    """One logit per head."""
    four = axes.four(logits.detach())
    per_head = four[:, :, :1, 0]
    if bool((four[..., 0] != per_head).any()) or bool((per_head != per_head[:1]).any()):
        raise Unreadable("the sinks differ between queries, and a map holds one per head")
    return per_head[0, :, 0].expand(axes.heads).clone()


def _mask(
    done: _Composition,
    scores: Tensor,
    axes: Axes,
    shape: tuple[int, int, int, int],
    masks: MaskCache,
) -> CompactMask | None:
    """All that was added and filled, as one."""
    parts = [
        masks.compact(term if factor == 1.0 else term * factor, shape)
        for term, factor in done.terms
    ]
    for where, value, inverted in done.fills:
        parts.append(_fill(where if inverted else ~where, value, scores, axes, shape, masks))
    if not parts:
        return None
    total = parts[0]
    for part in parts[1:]:
        bias = total.bias if part.bias is None else part.bias
        if total.bias is not None and part.bias is not None:
            rows, columns = slice(0, shape[2]), slice(0, shape[3])
            summed = total.bias.tile(rows, columns) + part.bias.tile(rows, columns)
            bias = compact_bias(summed, shape[2], shape[3])
        flat = total.flat if part.flat is None else part.flat
        if total.flat is not None and part.flat is not None:
            flat = total.flat | part.flat
        total = replace(
            total, allowed=both_allowed(total.allowed, part.allowed), bias=bias, flat=flat
        )
    return total


def _fill(
    allowed: Tensor,
    value: float,
    scores: Tensor,
    axes: Axes,
    shape: tuple[int, int, int, int],
    masks: MaskCache,
) -> CompactMask:
    """A mask that put a number in the place of scores."""
    if value == -torch.inf:
        return masks.compact(allowed, shape)
    if value > torch.finfo(scores.dtype).min / 2:
        enough = value + _UNDERFLOW.get(scores.dtype, _UNDERFLOW_OTHERS)
        highest = scores.detach().amax(axes.softmax)
        if bool(((highest < enough) & (highest != value)).any()):
            raise Unreadable(
                f"masked scores were set to {value:g}, which is too high to hide them altogether"
            )
    lowest = torch.zeros((), dtype=torch.float32, device=allowed.device)
    return masks.compact(torch.where(allowed, lowest, torch.finfo(torch.float32).min), shape)


__all__ = ["Axes", "Lost", "heads_of", "read_scores"]
