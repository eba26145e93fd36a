"""Which of the axes before queries and keys are the batch and which the heads.

Models hand [batch * heads, length, head_dim] to a product, or [heads * batch, ...], and nothing in
the tensor itself tells one from the other. What does is where its numbers came from: a merge is
nearly always a copy, of memory in which heads are pieces of the features of a token. So copies are
noted as they are made. Where neither that nor the module tells, the axes stay together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef

from ...recording.captured import Unreadable
from ._nodes import Layout, storage_of, weak_reference

_KEPT = 256


class Part(NamedTuple):
    """One of the axes that a merged axis consists of: its size, and its stride in the memory that
    was copied."""

    size: int
    stride: int


class Split(NamedTuple):
    """How leading axes are made of batch and heads.

    Attributes:
        batch, heads: their sizes; heads is 1 where they could not be told apart.
        heads_first: the heads are the outer of the two.
        certain: False where an axis may hold heads that are not told.
    """

    batch: int
    heads: int
    heads_first: bool = False
    certain: bool = True


class _Copy(NamedTuple):
    reference: StorageWeakRef
    made: Layout
    source: Layout


class Copies:
    """How the memory of copies was laid out where it was copied from."""

    def __init__(self) -> None:
        self._by_storage: dict[int, _Copy] = {}

    def note(self, source: Tensor, made: Tensor) -> None:
        """``made`` has the numbers of ``source``, at the same indices."""
        self._keep(made, Layout.of(source))

    def note_whole(self, x: Tensor) -> None:
        """The axes that a module was given are those of the memory, if it is no copy."""
        wrapped = x.is_nested or torch._C._functorch.is_functorch_wrapped_tensor(x)
        if not wrapped and x.layout == torch.strided and storage_of(x) not in self:
            self._keep(x, Layout.of(x))

    def note_joined(
        self, parts: Sequence[Tensor], made: Tensor, *, stacked: bool, axis: int
    ) -> None:
        """Parts were put behind one another; as pieces of one memory they are an axis of it."""
        layout = Layout.of(made)
        first = parts[0]
        step = int(parts[1].storage_offset() - first.storage_offset()) if len(parts) > 1 else 0
        of_one_memory = step > 0 and all(
            storage_of(part) == storage_of(first)
            and part.shape == first.shape
            and part.stride() == first.stride()
            and part.storage_offset() == first.storage_offset() + i * step
            for i, part in enumerate(parts)
        )
        if not of_one_memory:
            self._keep(made, layout)
            return
        axis %= made.ndim
        shape, stride = list(first.shape), list(first.stride())
        shape.insert(axis, len(parts))
        stride.insert(axis, step)
        if not stacked:  # the joined axis is parts times their own
            inner = layout.stride[axis]
            own = (*layout.stride[:axis], inner * first.shape[axis], *layout.stride[axis:])
            layout = Layout(tuple(shape), own, layout.offset)
        self._keep(made, Layout(tuple(shape), tuple(stride), 0), layout)

    def _keep(self, made: Tensor, source: Layout, layout: Layout | None = None) -> None:
        if len(self._by_storage) >= _KEPT:
            live = {k: v for k, v in self._by_storage.items() if not v.reference.expired()}
            self._by_storage = live if len(live) < _KEPT // 2 else {}
        copy = _Copy(weak_reference(made), layout or Layout.of(made), source)
        self._by_storage[storage_of(made)] = copy

    def parts(self, factor: Tensor, indices: Tensor) -> tuple[list[Part], int] | None:
        """The axes, outer first, that an axis of a factor [lead, rows, width] runs through.

        Args:
            factor: queries or keys as the product got them.
            indices: Int["n"], the places on its first axis, in the order of interest.

        Returns:
            The axes, and the stride from one row to the next; None where nothing is known.
        """
        copy = self._by_storage.get(storage_of(factor))
        if copy is None:
            return None
        zero = torch.zeros((), dtype=torch.int64)
        layout = Layout.of(factor)
        try:
            places = copy.made.coordinates(layout.positions([indices, zero, zero]))
            next_row = copy.made.coordinates(
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


def _mixed_radix(places: Sequence[Tensor], strides: Sequence[int]) -> list[Part] | None:
    """The axes along which places move while one counts through them; None if not in order."""
    count = len(places[0])
    counter = torch.arange(count)
    axes: list[tuple[int, Part]] = []
    for place, stride in zip(places, strides, strict=True):
        moved = (place != place[0]).nonzero()
        if not len(moved):
            continue
        period = int(moved[0, 0])
        step = int(place[period] - place[0])
        size = len(place.unique())
        if bool((place - place[0] != (counter // period) % size * step).any()):
            return None
        axes.append((period, Part(size, step * stride)))
    axes.sort(key=lambda axis: -axis[0])
    parts = [part for _, part in axes]
    product = 1
    for part in parts:
        product *= part.size
    return parts if product == count else None


def split_of(
    lead: tuple[int, ...],
    evidence: tuple[list[Part], int] | None,
    hints: list[int],
    batches: frozenset[int],
    *,
    inside_rows: bool,
) -> Split:
    """What one or two leading axes are.

    Args:
        lead: their sizes: (batch * heads,) in either order, or two axes.
        evidence: what the axes are made of, as `Copies.parts` tells it.
        hints: numbers of heads that the module speaks of.
        batches: batch sizes that would be plausible.
        inside_rows: the axis lies within the rows of the memory, where features are.
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
            return Split(1, count)  # pieces of the features of a token
    fitting = [hint for hint in hints if hint > 0 and count % hint == 0]
    heads = next((hint for hint in fitting if count // hint in batches), None)
    if heads is None:
        heads = fitting[0] if fitting else 1
    if heads in (1, count) or inside_rows:
        return Split(count // heads, heads, certain=bool(fitting) or count in (1, *batches))
    return Split(count, 1, certain=False)


def _of_two_parts(outer: Part, inner: Part, hints: list[int]) -> Split:
    """The heads are what lies closer together: pieces of the features of one token."""
    heads_first = outer.stride < inner.stride
    heads, batch = (outer, inner) if heads_first else (inner, outer)
    if heads.size != batch.size and batch.size in hints and heads.size not in hints:
        return Split(outer.size * inner.size, 1, certain=False)  # the module says otherwise
    return Split(batch.size, heads.size, heads_first)


def _of_two_axes(
    lead: tuple[int, ...],
    evidence: tuple[list[Part], int] | None,
    hints: list[int],
    batches: frozenset[int],
) -> Split:
    """[batch, heads] is how everyone writes it, unless the module or its memory says otherwise."""
    first, second = lead
    if evidence is not None and [part.size for part in evidence[0]] == [first, second]:
        outer, inner = evidence[0]
        closest = min(outer.stride, inner.stride)
        if 0 < closest < evidence[1] and outer.stride != inner.stride:
            # pieces of the features of a token
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
    """What the first two axes of a kernel's queries [batch, heads, length, head_dim] are: a model
    may have called it with another order."""
    first, second, rows, _ = query.shape
    indices = torch.arange(first * second)
    evidence = None
    if storage_of(query) in copies:
        try:
            evidence = copies.parts(query.flatten(0, 1), indices)
        except RuntimeError:  # the two axes are not one in memory
            evidence = None
    elif min(first, second) > 1:
        strides = query.stride()
        row = strides[2] if rows > 1 else 0
        evidence = [Part(first, strides[0]), Part(second, strides[1])], row
    split = _of_two_axes((first, second), evidence, hints, batches)
    return split if split.certain else Split(first, second)
