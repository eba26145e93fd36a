"""Reads writes into a part of scores: by an index, a mask, or through a view."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ._nodes import Addition, Copy, Fill, Layout, Step, UnknownStep

_VALUES = {"fill": 1, "masked_fill": 2, "index_put": 2, "index_fill": 3, "copy": 1, "zero": None}
_SUMS = {"add": 1.0, "sub": -1.0}


def partial_write(
    operator: torch._ops.OpOverload,
    args: Sequence[Any],
    keywords: Mapping[str, Any],
    scores: Tensor,
    layout: Layout,
) -> Step | None:
    """Return the step that an operator did by writing into a part of scores, after it ran.

    Args:
        operator, args, keywords: the operator, and what it was called with.
        scores: the tensor that it wrote to: scores, or a view of a part of them.
        layout: of all the scores.

    Returns:
        The step, on a tensor with that layout; None if the operator is no such write.
    """
    name = operator._schema.name.partition("::")[2].rstrip("_")
    if not operator._schema.is_mutable or args[0] is not scores:
        return None
    whole = Layout.of(scores) == layout
    if not _is_within(Layout.of(scores), layout):
        return UnknownStep("some of its scores were written beside others")
    if name in _SUMS and not whole and isinstance(args[1], Tensor):
        alpha = float(keywords.get("alpha", args[2] if len(args) > 2 else 1))
        term, part = _beside(layout, scores, args[1].dtype)
        part.copy_(args[1])
        return Addition(term, _SUMS[name] * alpha)
    if name not in _VALUES or (name == "masked_fill" and whole):
        return None
    if name == "index_put" and (keywords.get("accumulate") or (len(args) > 3 and args[3])):
        return None
    if name == "copy" and _is_itself(args[1], scores):
        return Copy()  # `x[...] += y` ends with it
    place = _VALUES[name]
    value = 0.0 if place is None else _one_number(args[place])
    if value is None:
        return UnknownStep("some of its scores were replaced by those of another tensor")
    where, part = _beside(layout, scores, torch.uint8)
    if name == "masked_fill":
        part.masked_fill_(args[1], 1)
    elif name == "index_put":
        one = torch.ones((), dtype=part.dtype, device=part.device)
        torch.ops.aten.index_put_.default(part, args[1], one)
    elif name == "index_fill":
        part.index_fill_(args[1], args[2], 1)
    else:
        part.fill_(1)
    return Fill(where.bool(), value)


def _is_within(part: Layout, layout: Layout) -> bool:
    """Return whether the memory of a part is within that of a layout."""
    begins = part.offset >= layout.offset
    return begins and part.offset + _extent(part) <= layout.offset + _extent(layout)


def _extent(layout: Layout) -> int:
    """Return how much memory a layout spans."""
    steps = zip(layout.shape, layout.stride, strict=True)
    return 1 + sum((size - 1) * stride for size, stride in steps)


def _beside(layout: Layout, scores: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Return zeros with a layout, and the view of them that corresponds to a part of the scores."""
    memory = torch.zeros(_extent(layout), dtype=dtype, device=scores.device)
    part = memory.as_strided(scores.shape, scores.stride(), scores.storage_offset() - layout.offset)
    return memory.as_strided(layout.shape, layout.stride), part


def _one_number(value: Any) -> float | None:
    """Return the number that a value consists of; None if it has several."""
    if not isinstance(value, Tensor):
        return float(value)
    if value.numel() == 0:
        return None
    low, high = value.aminmax()
    return float(low) if bool(low == high) else None


def _is_itself(source: Any, scores: Tensor) -> bool:
    return (
        isinstance(source, Tensor)
        and source.untyped_storage()._cdata == scores.untyped_storage()._cdata
        and Layout.of(source) == Layout.of(scores)
    )
