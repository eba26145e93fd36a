"""The weights of a softmax, until they meet the values.

A map shows the weights that met the values, which need not be those of the softmax. So every
operator between the two is examined. Copies and dropout do not change the map; the result of any
other operator is compared with the map, number by number, and refused if it differs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef

from ....shapes import Bool, Float, Int
from ...recording.captured import CapturedAttention, Unreadable
from ...scores.masks.key_mask import intersection
from ...scores.masks.key_ranges import KeyRanges
from ..agreement import check_output, check_weights
from ..owners import Owner
from ._axes import Axes
from ._nodes import Layout

UNMET = (
    "no product of these weights with values was seen: they are those of the softmax, and what "
    "the model did with them is not known"
)


@dataclass(eq=False)
class PendingAttention:
    """The attention of one softmax, whose weights several tensors may hold.

    Attributes:
        owner: the module that computed it; None until needed.
        captured: what was read; None if it was refused.
        why: why it was refused.
        change: how the weights were changed before they met the values; "" if they were not.
        is_over: whether it was reported, read or refused.
        certain: whether its scores are certainly a product of queries and keys.
    """

    owner: Owner | None = None
    captured: CapturedAttention | None = None
    why: str = ""
    change: str = ""
    is_over: bool = False
    certain: bool = True


@dataclass(eq=False)
class Weights:
    """A tensor of weights, until it meets the values.

    Attributes:
        layout: of the tensor; keys on the last axis.
        reference: to its memory.
        attention: the attention that they belong to.
        heads: for each index of the leading axes, batch_index * heads + head.
        axes: the roles of the axes of `layout`, while they are those of the softmax.
        change: how they were changed, if they are no longer the softmax's.
        dtypes: the dtypes in which the model computed.
    """

    layout: Layout
    reference: StorageWeakRef
    attention: PendingAttention
    heads: Int[Tensor, "..."] | None = None
    axes: Axes | None = None
    change: str = ""
    dtypes: tuple[torch.dtype, ...] = (torch.float32,)

    def copied_to(self, out: Tensor, view: Tensor, reference: StorageWeakRef) -> Weights:
        """Return the weights of a copy that has the axes of a view of this tensor.

        Raises:
            Unreadable: the view is only a part of the weights, or its keys have no axis of their
                own.
        """
        after = replace(self, reference=reference, dtypes=(*self.dtypes, out.dtype))
        for layout in (self.layout, self.without_sink):
            order = _order_in(view, layout)
            if order is not None:
                after.layout = Layout.of(out.permute(order))
                return after
        viewed, stride = Layout.of(view), self.layout.stride[-1]
        if _repeats(view):
            raise Unreadable("some of the weights were repeated")
        there = list(zip(viewed.shape, viewed.stride, strict=True))
        for size in (self.layout.shape[-1], self.without_sink.shape[-1]):
            if (size, stride) in there:
                axis = there.index((size, stride))
                break
        else:
            raise Unreadable("a part of the weights was copied")
        after.layout, after.axes = Layout.of(out).move_axis(axis, -1), None
        after.heads = self.heads_of(viewed.move_axis(axis, -1))
        return after

    @property
    def without_sink(self) -> Layout:
        """The layout without the columns behind the keys."""
        captured = self.attention.captured
        if captured is None or captured.scoring.sinks is None:
            return self.layout
        shape = (*self.layout.shape[:-1], captured.key.shape[2])
        return replace(self.layout, shape=shape)

    def heads_of(self, view: Layout) -> Int[Tensor, "..."] | None:
        """Return `heads` for a view of the same memory with the keys on its last axis."""
        if self.heads is None:
            return None
        lead = view.shape[:-1]
        grid = torch.meshgrid(*(torch.arange(size) for size in lead), indexing="ij")
        zero = torch.zeros((), dtype=torch.int64)
        places = self.layout.coordinates(view.positions([*grid, zero]))
        return self.heads[tuple(x.expand(lead) for x in places[:-1])]

    def along_keys(self, lhs: Float[Tensor, "matrices rows inner"]) -> bool:
        """Return whether the last axis of a view is that of the keys."""
        inner = lhs.shape[-1]
        if _repeats(lhs):
            return False
        if inner == 1:
            return self.without_sink.shape[-1] == 1
        zero = torch.zeros(2, dtype=torch.int64)
        ends = torch.tensor([0, inner - 1])
        try:
            places = self.layout.coordinates(Layout.of(lhs).positions([zero, zero, ends]))
        except Unreadable:
            return False
        return all(bool(x[0] == x[1]) for x in places[:-1]) and int(places[-1][1]) == inner - 1


def _repeats(x: Tensor) -> bool:
    """Return whether some elements of a tensor share memory."""
    return any(size > 1 and stride == 0 for size, stride in zip(x.shape, x.stride(), strict=True))


def _order_in(view: Tensor, layout: Layout) -> list[int] | None:
    """Return the axes of a view in the order of a layout; None if the axes differ."""
    if view.ndim != len(layout.shape) or view.storage_offset() != layout.offset:
        return None
    there = list(zip(view.shape, view.stride(), strict=True))
    order: list[int] = []
    for axis in zip(layout.shape, layout.stride, strict=True):
        place = next((i for i, x in enumerate(there) if x == axis and i not in order), None)
        if place is None:
            return None
        order.append(place)
    return order


def changes_nothing(weights: Weights, memory: Tensor) -> bool:
    """Return whether an operator between softmax and values left the weights unchanged.

    Whole rows set to zero become queries that attend to nothing, as padding does.

    Args:
        weights: the weights, with the layout of the operator's result.
        memory: any tensor in their memory.
    """
    captured, axes = weights.attention.captured, weights.axes
    if captured is None or axes is None or captured.dropout:
        return False
    layout = weights.layout
    whole = memory.detach().as_strided(layout.shape, layout.stride, layout.offset)
    truth = axes.four(whole)
    key_len = captured.key.shape[2]
    dead = ~truth[..., :key_len].any(-1)
    try:
        if bool(dead.any()):
            captured = without_rows(captured, dead)
        check_weights(captured, truth, dtypes=weights.dtypes, every_row=True)
    except Unreadable:
        return False
    weights.attention.captured = captured
    return True


def without_rows(
    captured: CapturedAttention, dead: Bool[Tensor, "batch heads query_len"]
) -> CapturedAttention:
    """Return the attention with queries that attend to nothing where ``dead`` is True."""
    end = torch.where(dead, 0, captured.key.shape[2]).int()
    nothing = KeyRanges(torch.zeros_like(end), end)
    mask = intersection(captured.scoring.mask, nothing)
    flat = captured.scoring.flat
    if flat is not None:
        flat = flat & ~dead
    return replace(captured, scoring=replace(captured.scoring, mask=mask, flat=flat))


def check_product(
    weights: Weights,
    lhs: Float[Tensor, "matrices rows inner"],
    rhs: Float[Tensor, "matrices inner value_dim"],
    out: Float[Tensor, "matrices rows value_dim"],
) -> None:
    """Compare the output of weights times values with that of the map.

    Args:
        weights: unchanged, without dropout.
        lhs, rhs, out: the product's factors, weights and values, and its result.

    Raises:
        Unreadable: they differ.
    """
    captured = weights.attention.captured
    assert captured is not None
    assert weights.axes is not None or weights.heads is not None
    batch, heads, query_len, _ = captured.query.shape
    if lhs.shape[1] != query_len or out.numel() == 0 or lhs.shape[0] != batch * heads:
        return
    places = owners_of(weights, lhs)
    if sorted(places.tolist()) != list(range(batch * heads)):
        return
    order = places.argsort().to(out.device)
    value = rhs.index_select(0, order).unflatten(0, (batch, heads))
    output = out.index_select(0, order).unflatten(0, (batch, heads))
    check_output(captured, output, value, dtypes=(*weights.dtypes, out.dtype))


def owners_of(
    weights: Weights, lhs: Float[Tensor, "matrices rows inner"]
) -> Int[Tensor, "matrices"]:
    """Return batch_index * heads + head of each first index of the left factor."""
    assert weights.heads is not None
    zero = torch.zeros((), dtype=torch.int64)
    first = Layout.of(lhs).positions([torch.arange(lhs.shape[0]), zero, zero])
    return weights.heads[tuple(weights.layout.coordinates(first)[:-1])]


def values_of(
    weights: Weights,
    captured: CapturedAttention,
    lhs: Float[Tensor, "matrices rows inner"],
    rhs: Float[Tensor, "matrices inner value_dim"],
) -> Float[Tensor, "batch kv_heads key_len value_dim"]:
    """Return the values, from the product's right factor.

    Raises:
        Unreadable: they are not one matrix per head of keys.
    """
    heads, (batch, kv_heads, key_len, _) = captured.query.shape[1], captured.key.shape
    if rhs.shape[1] != key_len:
        raise Unreadable("there are more or fewer values than keys")
    owners = owners_of(weights, lhs)
    place = (owners // heads) * kv_heads + (owners % heads) // (heads // kv_heads)
    order = torch.full((batch * kv_heads,), -1)
    order[place.flip(0)] = torch.arange(len(place)).flip(0)
    if bool((order < 0).any()):
        raise Unreadable("some heads have no values")
    if len(order) != len(rhs) or bool((order != torch.arange(len(order))).any()):
        rhs = rhs.index_select(0, order.to(rhs.device))
    return rhs.detach().reshape(batch, kv_heads, key_len, -1)
