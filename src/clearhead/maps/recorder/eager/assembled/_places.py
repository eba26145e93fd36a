"""Finds the query, key, head and batch row of each element of assembled scores.

Assembled scores have axes of their own: blocks, diagonals, columns of a few selected keys. Their
meaning follows from the memory that queries and keys came from. Rows of scores that share keys
belong to one head; the place of a key is its place in memory.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .....shapes import Int
from ....recording.captured import Unreadable
from ._origins import REORDERED, Addresses, ScoreElements
from ._replay import CONSTANT

_NO_PRODUCT = "some rows of its scores are of no product"
_MANY_AXES = "which of the axes of its scores are batch and heads cannot be told"


@dataclass(frozen=True, eq=False)
class Arrangement:
    """The roles of the axes of a softmax's input, after moving that of the keys to the end.

    Attributes:
        order: the axes in the order batch, heads, queries; axes of size 1 may be anywhere.
        batch, heads, query_len: the sizes that they are merged to.
        split: if one axis holds both batch and heads: its place, its (outer, inner) sizes, and
            whether the heads are the outer axis.
    """

    order: tuple[int, ...]
    batch: int
    heads: int
    query_len: int
    split: tuple[int, int, int, bool] | None = None

    def apply(self, x: Tensor) -> Tensor:
        """Return a tensor with the softmax's axes as [batch, heads, query_len, width]."""
        if self.split is not None:
            axis, outer, inner, heads_first = self.split
            x = x.unflatten(axis, (outer, inner))
            if heads_first:
                x = x.transpose(axis, axis + 1)
        x = x.permute(*self.order, x.ndim - 1)
        return x.reshape(self.batch, self.heads, self.query_len, x.shape[-1])


def arrangement(
    elements: ScoreElements, where: Addresses, hints: Sequence[int], batches: Collection[int] = ()
) -> Arrangement:
    """Return the roles of the axes of a softmax's input.

    Args:
        elements: of the input.
        where: the addresses of queries and keys.
        hints: the numbers of heads that the module has as attributes.
        batches: plausible batch sizes.

    Raises:
        Unreadable: the memory of queries and keys does not tell them.
    """
    query = _of_rows(elements.query)
    lead = query.shape
    axes = [axis for axis, size in enumerate(lead) if size > 1]
    strides = {axis: _stride(query, axis) for axis in axes}
    shared = [axis for axis in axes if _is_shared(elements.key, axis, where.size)]
    queries = _nested(shared, strides, lead)
    others = [axis for axis in axes if axis not in queries]
    rest = [axis for axis in range(len(lead)) if axis not in axes]
    query_len = math.prod(lead[axis] for axis in queries)
    if len(others) > 2:
        raise Unreadable(_MANY_AXES)
    if len(others) == 2:
        heads, batch = sorted(others, key=lambda axis: abs(strides[axis]))
        order = (*rest, batch, heads, *queries)
        return Arrangement(order, lead[batch], lead[heads], query_len)
    if not others:
        return Arrangement((*rest, *queries), 1, 1, query_len)
    (axis,) = others
    parts = _two_parts(_along(query, axis))
    if parts is not None:
        outer, inner, heads_first = parts
        own = [(one + (one > axis)) for one in (*rest, *queries)]
        batch, heads = (inner, outer) if heads_first else (outer, inner)
        order = (*own[: len(rest)], axis, axis + 1, *own[len(rest) :])
        return Arrangement(order, batch, heads, query_len, (axis, outer, inner, heads_first))
    within = not queries or abs(strides[axis]) < min(abs(strides[one]) for one in queries)
    is_heads = lead[axis] in hints and (within or lead[axis] not in batches)
    batch, heads = (1, lead[axis]) if is_heads else (lead[axis], 1)
    return Arrangement((*rest, axis, *queries), batch, heads, query_len)


def check_queries(query: Int[Tensor, "batch heads query_len width"]) -> None:
    """Check that the queries of each head are in the order of their memory.

    Raises:
        Unreadable: they are not, for example because they were sorted.
    """
    rows = query.amax(-1)
    highest = rows.cummax(-1).values
    if bool(((rows[..., 1:] <= highest[..., :-1]) & (rows[..., 1:] != CONSTANT)).any()):
        raise Unreadable(REORDERED)


def _of_rows(query: Int[Tensor, "*lead width"]) -> Int[Tensor, "*lead"]:
    """Return the address of each row's query, which all its elements must share."""
    rows = query.amax(-1)
    if bool(((query != rows[..., None]) & (query != CONSTANT)).any()):
        raise Unreadable("a row of its scores has products of several queries")
    return rows


def _along(query: Int[Tensor, "*lead"], axis: int) -> Int[Tensor, "size"]:
    """Return the addresses along an axis, for the first rows that have a query there."""
    lines = query.movedim(axis, -1).reshape(-1, query.shape[axis])
    whole = (lines != CONSTANT).all(-1)
    if not bool(whole.any()):
        raise Unreadable(_NO_PRODUCT)
    return lines[whole.to(torch.uint8).argmax()]


def _stride(query: Int[Tensor, "*lead"], axis: int) -> int:
    """Return the step from one query to the next along an axis, where both belong to a product."""
    lines = query.movedim(axis, -1).reshape(-1, query.shape[axis])
    both = (lines[:, 1:] != CONSTANT) & (lines[:, :-1] != CONSTANT)
    if not bool(both.any()):
        raise Unreadable(_NO_PRODUCT)
    place = int(both.reshape(-1).to(torch.uint8).argmax())
    return int(lines.diff(dim=-1).reshape(-1)[place])


def _is_shared(key: Int[Tensor, "*lead width"], axis: int, size: int) -> bool:
    """Return whether rows at several places along an axis share a key."""
    line = torch.arange(key.shape[axis]).view([-1 if i == axis else 1 for i in range(key.ndim)])
    places = line.expand(key.shape).reshape(-1)
    keys = key.reshape(-1) + 1  # elements without a key are put at 0
    first = torch.full((size + 1,), key.shape[axis]).scatter_reduce_(0, keys, places, "amin")
    last = torch.full((size + 1,), -1).scatter_reduce_(0, keys, places, "amax")
    return bool((last[1:] > first[1:]).any())


def _nested(shared: list[int], strides: dict[int, int], lead: Sequence[int]) -> list[int]:
    """Return the axes along which queries run, nested, from the innermost outwards.

    An axis that shares keys without continuing the queries is one of heads with common keys.
    """
    queries: list[int] = []
    for axis in reversed(shared):
        if not queries or strides[axis] == strides[queries[0]] * lead[queries[0]]:
            queries.insert(0, axis)
    return queries


def _two_parts(line: Int[Tensor, "size"]) -> tuple[int, int, bool] | None:
    """Return the sizes of the two axes that addresses span, and whether the outer one is heads.

    The heads are the axis whose entries lie closer together, as pieces of one token's features.
    """
    steps = line.diff()
    changes = (steps != steps[0]).nonzero()
    if not len(changes):
        return None
    inner = int(changes[0]) + 1
    if len(line) % inner:
        raise Unreadable(_MANY_AXES)
    outer = len(line) // inner
    grid = line.view(outer, inner)
    across = grid[:, :1] - grid[0, 0]
    step = int(across[1])
    regular = bool((across[:, 0] == torch.arange(outer) * step).all())
    if not regular or bool((grid - across != grid[0]).any()):
        raise Unreadable(_MANY_AXES)
    return outer, inner, abs(step) < abs(int(steps[0]))


def key_places(
    key: Int[Tensor, "batch heads query_len width"], where: Addresses
) -> tuple[Int[Tensor, "batch heads query_len width"], int]:
    """Return the place of each element's key among the keys of its head, and their number.

    Keys of one memory are in its order; several memories are in the order of their keys in the
    first row.

    Raises:
        Unreadable: keys do not lie in regular steps.
    """
    places = torch.full(key.shape, CONSTANT)
    total = 0
    for first, end in _in_order(key, where.memories()):
        inside = (key >= first) & (key < end)
        own = key[0, 0][inside[0, 0]].unique()
        if not len(own):
            raise Unreadable("heads have keys from different memories")
        step = int(own[1] - own[0]) if len(own) > 1 else 1
        own_places = own - own[0]
        if len(own) > 2:
            step = int(torch.gcd(own_places[1:], own_places[1:].roll(1)).min())
        beginning = torch.where(inside, key, end).flatten(2).amin(-1)[..., None, None]
        offset = torch.where(inside, key - beginning, 0)
        length = int(own_places[-1]) // step + 1
        if bool((offset % step != 0).any()) or bool((offset // step >= length).any()):
            raise Unreadable("its keys do not lie in regular steps")
        places[inside] = (offset // step + total)[inside]
        total += length
    return places, total


def _in_order(key: Tensor, memories: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the memories that have keys, in the order of their first column."""
    flat = key.reshape(-1, key.shape[-1])
    columns = []
    for first, end in memories:
        inside = ((flat >= first) & (flat < end)).any(0)
        if bool(inside.any()):
            columns.append((int(inside.to(torch.uint8).argmax()), (first, end)))
    return [memory for _, memory in sorted(columns)]
