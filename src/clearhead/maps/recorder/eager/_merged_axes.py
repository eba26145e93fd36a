"""Decides which leading axes of queries and keys are the batch and which are the heads.

Models pass [batch * heads, length, head_dim] or [heads * batch, ...] to a product, and the tensor
itself does not tell which. The source of its numbers does: merging axes is nearly always a copy of
memory in which the heads are pieces of each token's features. So copies are noted as they are made.
If neither they nor the module decide, the axes stay merged.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef

from ...recording.captured import Unreadable
from ._nodes import Layout, storage_of, weak_reference

_CAPACITY = 256


class AxisPart(NamedTuple):
    """One axis of a merged axis: its size, and its stride in the source of the copy."""

    size: int
    stride: int


class Split(NamedTuple):
    """How leading axes are composed of batch and heads.

    Attributes:
        batch, heads: their sizes; heads is 1 where they could not be separated.
        heads_first: whether the heads are the outer axis of the two.
        certain: False if an axis may hold heads that could not be separated.
    """

    batch: int
    heads: int
    heads_first: bool = False
    certain: bool = True


class _MemoryOfCopy(NamedTuple):
    """The memory that a copy was written to.

    Attributes:
        reference: to the memory.
        layout: of the copy.
        source: the layout of the tensor that was copied, with the same axes.
    """

    reference: StorageWeakRef
    layout: Layout
    source: Layout


class Copies:
    """Remembers, for the memory of each copy, the layout of its source."""

    def __init__(self) -> None:
        self._by_storage: dict[int, _MemoryOfCopy] = {}

    def note(self, source: Tensor, copy: Tensor) -> None:
        """Note that a copy has the numbers of its source, at the same indices."""
        self._keep(copy, Layout.of(source))

    def note_whole(self, x: Tensor) -> None:
        """Note a module's argument: unless it is a copy, its memory has its axes."""
        is_wrapper = x.is_nested or torch._C._functorch.is_functorch_wrapped_tensor(x)
        if not is_wrapper and x.layout == torch.strided and storage_of(x) not in self:
            self._keep(x, Layout.of(x))

    def note_joined(
        self, pieces: Sequence[Tensor], copy: Tensor, *, is_stack: bool, axis: int
    ) -> None:
        """Note tensors that were concatenated or stacked; those of one memory are an axis of it."""
        layout = Layout.of(copy)
        first = pieces[0]
        step = int(pieces[1].storage_offset() - first.storage_offset()) if len(pieces) > 1 else 0
        of_one_memory = step > 0 and all(
            storage_of(piece) == storage_of(first)
            and piece.shape == first.shape
            and piece.stride() == first.stride()
            and piece.storage_offset() == first.storage_offset() + i * step
            for i, piece in enumerate(pieces)
        )
        if not of_one_memory:
            self._keep(copy, layout)
            return
        axis %= copy.ndim
        shape, stride = list(first.shape), list(first.stride())
        shape.insert(axis, len(pieces))
        stride.insert(axis, step)
        if not is_stack:  # the concatenated axis is the axis of the pieces times their own
            inner = layout.stride[axis]
            own = (*layout.stride[:axis], inner * first.shape[axis], *layout.stride[axis:])
            layout = Layout(tuple(shape), own, layout.offset)
        self._keep(copy, Layout(tuple(shape), tuple(stride), 0), layout)

    def _keep(self, copy: Tensor, source: Layout, layout: Layout | None = None) -> None:
        if len(self._by_storage) >= _CAPACITY:
            live = {k: v for k, v in self._by_storage.items() if not v.reference.expired()}
            self._by_storage = live if len(live) < _CAPACITY // 2 else {}
        memory = _MemoryOfCopy(weak_reference(copy), layout or Layout.of(copy), source)
        self._by_storage[storage_of(copy)] = memory

    def parts(self, factor: Tensor, indices: Tensor) -> tuple[list[AxisPart], int] | None:
        """Return the axes, outer first, that the first axis of a factor [lead, rows, width] has.

        Args:
            factor: queries or keys as they were multiplied.
            indices: Int["n"], indices on its first axis, in the order to follow.

        Returns:
            The axes, and the stride from one row to the next; None where nothing is known.
        """
        copy = self._by_storage.get(storage_of(factor))
        if copy is None:
            return None
        zero = torch.zeros((), dtype=torch.int64)
        layout = Layout.of(factor)
        try:
            places = copy.layout.coordinates(layout.positions([indices, zero, zero]))
            next_row = copy.layout.coordinates(
                layout.positions([indices[:1], zero + (factor.shape[1] > 1), zero])
            )
        except Unreadable:
            return None
        strides = copy.source.stride
        row = sum(
            int(after[0] - before[0]) * stride
            for after, before, stride in zip(next_row, places, strides, strict=True)
        )
        parts = _mixed_radix(places, strides)
        return None if parts is None else (parts, row)

    def __contains__(self, storage: int) -> bool:
        return storage in self._by_storage

    def clear(self) -> None:
        """Forget all copies."""
        self._by_storage.clear()


def _mixed_radix(places: Sequence[Tensor], strides: Sequence[int]) -> list[AxisPart] | None:
    """Return the axes whose coordinates count like digits of a number; None if they do not.

    Args:
        places: the coordinates along each axis of the memory, in order.
        strides: of these axes.
    """
    count = len(places[0])
    counter = torch.arange(count)
    axes: list[tuple[int, AxisPart]] = []
    for place, stride in zip(places, strides, strict=True):
        changes = (place != place[0]).nonzero()
        if not len(changes):
            continue
        period = int(changes[0, 0])
        step = int(place[period] - place[0])
        size = len(place.unique())
        if bool((place - place[0] != (counter // period) % size * step).any()):
            return None
        axes.append((period, AxisPart(size, step * stride)))
    axes.sort(key=lambda axis: -axis[0])
    parts = [part for _, part in axes]
    product = 1
    for part in parts:
        product *= part.size
    return parts if product == count else None


def split_of(
    lead: tuple[int, ...],
    evidence: tuple[list[AxisPart], int] | None,
    hints: list[int],
    batches: frozenset[int],
    *,
    inside_rows: bool,
) -> Split:
    """Return how one or two leading axes are composed of batch and heads.

    Args:
        lead: their sizes: (batch * heads,) in either order, or two axes.
        evidence: the parts of the axes, from `Copies.parts`.
        hints: the numbers of heads that the module has as attributes.
        batches: plausible batch sizes.
        inside_rows: whether the axis lies within the rows of the memory, among a token's features.
    """
    if len(lead) == 2:
        return _of_two_axes(lead, evidence, hints, batches)
    count = lead[0] if lead else 1
    if evidence is not None and len(evidence[0]) == 2:
        outer, inner = evidence[0]
        if 0 not in (outer.stride, inner.stride):
            return _of_two_parts(outer, inner, hints)
    if evidence is not None and len(evidence[0]) == 1:
        part, row = evidence[0][0], evidence[1]
        if 0 < part.stride < row and part.size not in batches:
            return Split(1, count)  # pieces of a token's features
    # The memory does not tell: use the module's numbers of heads, if they divide the axis.
    fitting = [hint for hint in hints if hint > 0 and count % hint == 0]
    heads = next((hint for hint in fitting if count // hint in batches), None)
    if heads is None:
        heads = fitting[0] if fitting else 1
    if heads in (1, count) or inside_rows:
        return Split(count // heads, heads, certain=bool(fitting) or count in (1, *batches))
    return Split(count, 1, certain=False)


def _of_two_parts(outer: AxisPart, inner: AxisPart, hints: list[int]) -> Split:
    """Return the split of an axis of two parts.

    The heads are the axis whose entries lie closer together, as pieces of one token's features.
    """
    heads_first = outer.stride < inner.stride
    heads, batch = (outer, inner) if heads_first else (inner, outer)
    if heads.size != batch.size and batch.size in hints and heads.size not in hints:
        return Split(outer.size * inner.size, 1, certain=False)  # unless the module disagrees
    return Split(batch.size, heads.size, heads_first)


def _of_two_axes(
    lead: tuple[int, ...],
    evidence: tuple[list[AxisPart], int] | None,
    hints: list[int],
    batches: frozenset[int],
) -> Split:
    """Return the split of two axes: batch and heads, unless the module or its memory disagrees."""
    first, second = lead
    if evidence is not None and [part.size for part in evidence[0]] == [first, second]:
        outer, inner = evidence[0]
        closest = min(outer.stride, inner.stride)
        if 0 < closest < evidence[1] and outer.stride != inner.stride:
            # pieces of a token's features
            return Split(second, first, True) if outer.stride == closest else Split(first, second)
    only_first = first in hints and second not in hints
    if evidence is not None and len(evidence[0]) == 2:
        outer, inner = evidence[0]
        if 0 < outer.stride < inner.stride:  # as if the heads were the outer axis
            if only_first:
                return Split(second, first, True)
            if second not in hints or first in hints:
                return Split(first * second, 1, certain=False)
    elif only_first and first not in batches and (second in batches or second == 1):
        return Split(second, first, True)
    return Split(first, second)


def split_of_four(
    query: Tensor, copies: Copies, hints: list[int], batches: frozenset[int]
) -> Split:
    """Return how the first two axes of a kernel's queries are composed of batch and heads.

    The kernel expects Float["batch heads length head_dim"], but a model may have swapped the two.
    """
    first, second, rows, _ = query.shape
    evidence = None
    if storage_of(query) in copies:
        try:
            evidence = copies.parts(query.flatten(0, 1), torch.arange(first * second))
        except RuntimeError:  # the two axes are not one in memory
            evidence = None
    elif min(first, second) > 1:
        strides = query.stride()
        row = strides[2] if rows > 1 else 0
        evidence = [AxisPart(first, strides[0]), AxisPart(second, strides[1])], row
    split = _of_two_axes((first, second), evidence, hints, batches)
    return split if split.certain else Split(first, second)
