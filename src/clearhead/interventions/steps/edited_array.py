"""Applies edits to the arrays of steps: to some heads, rows and keys."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ...errors import ConfigError
from ...reference.tracing.editor import Change as StepChange
from ...shapes import Array
from ..edits import OUTPUT, EdgeEdit, Edit, Place, TensorEdit
from ..positions import Positions


def tensor_change(edit: TensorEdit, module: str, heads: int, *, whole_rows: bool) -> StepChange:
    """Return the change of a step for an edit of a tensor.

    Args:
        edit: of the step.
        module: the name by which to look up numbers of a trace: of the module, or the step.
        heads: of the step; 0 where it has no axis for them.
        whole_rows: whether its rows are all positions even in a step of decoding, as for keys.
    """
    if heads:
        _check_heads(edit, heads, module)
    return partial(_apply_edit, edit, module, heads, whole_rows)


def edge_change(edit: EdgeEdit, module: str, heads: int) -> StepChange:
    """Return the change of ``masked`` or ``weights`` for an edit of edges."""
    _check_heads(edit, heads, module)
    return partial(_without_edges, edit)


def _apply_edit(
    edit: TensorEdit,
    module: str,
    heads: int,
    whole_rows: bool,
    value: Array,
    position: int | None,
) -> Array:
    """Return a copy of a step with an edit of some heads and positions applied."""
    first = None if whole_rows else position
    rows = _rows(edit.positions, value.shape[-2], first)
    if not len(rows):
        return value
    # Keys and values that several heads share are edited as each head reads them.
    group = heads // value.shape[-3] if heads else 1
    x = np.repeat(value, group, axis=-3) if group > 1 else value.copy()
    numbers = list(range(heads) if edit.heads is None else edit.heads)
    every_row = len(rows) == value.shape[-2]
    positions = np.full(len(rows), position) if first is not None else rows
    index = _index(x.ndim, numbers if heads and edit.heads is not None else None,
                   None if every_row else rows)  # fmt: skip
    part = x[index]
    part_name = edit.part if heads else OUTPUT
    place = Place(module, part_name, tuple(numbers), positions, x.ndim - 2, heads)
    x[index] = _checked(edit.change(part, place), part, edit, module)
    edit.applied = True
    return x if group == 1 else _shared(x, group, edit, module)


def _index(ndim: int, heads: list[int] | None, rows: Array | None) -> tuple[Any, ...]:
    """Return the index of some or all heads and rows."""
    index: list[Any] = [slice(None)] * ndim
    if heads is not None and rows is not None:
        index[-3], index[-2] = np.array(heads)[:, None], rows
        return tuple(index)
    if heads is not None:
        index[-3] = np.array(heads)
    if rows is not None:
        index[-2] = rows
    return tuple(index)


def _shared(x: Array, group: int, edit: Edit, module: str) -> Array:
    """Return the array that the heads of each group share.

    Raises:
        ConfigError: they would no longer share it.
    """
    groups = x.reshape(*x.shape[:-3], -1, group, *x.shape[-2:])
    first = groups[..., :1, :, :]
    if not np.array_equal(groups, np.broadcast_to(first, groups.shape), equal_nan=True):
        raise ConfigError(
            f"{edit.words}: in {module!r} each {group} neighbouring heads share one key and "
            "value, and the edit would tell them apart. Edit all heads that share it alike."
        )
    return np.ascontiguousarray(first[..., 0, :, :])


def _without_edges(edit: EdgeEdit, value: Array, position: int | None) -> Array:
    """Return masked scores with -inf, or weights with 0, where an edge is."""
    rows = _rows(edit.queries, value.shape[-2], position)
    keys = _rows(edit.keys, value.shape[-1], None)
    if not len(rows) or not len(keys):
        return value
    edit.applied = True
    heads = np.arange(value.shape[-3]) if edit.heads is None else np.array(edit.heads)
    changed = value.copy()
    index: tuple[Any, ...] = (..., *np.ix_(heads, rows, keys))
    changed[index] = -np.inf if edit.renormalise else 0
    return changed


def _rows(positions: Positions, length: int, position: int | None) -> Array:
    """Return the selected rows: those at the positions, or all rows of a step at one of them."""
    if position is not None:
        places = positions.within(position, 1)
        return np.arange(length if places is None else length * len(places))
    places = positions.within(0, length)
    return np.arange(length) if places is None else np.array(places, np.int64)


def _check_heads(edit: Edit, heads: int, module: str) -> None:
    """Check that the heads of an edit exist.

    Raises:
        ConfigError: there are fewer heads.
    """
    if edit.heads is not None and max(edit.heads) >= heads:
        raise ConfigError(
            f"{edit.words} asks for head {max(edit.heads)}, and {module!r} has {heads} heads, "
            f"0 to {heads - 1}."
        )


def _checked(changed: object, part: Array, edit: Edit, module: str) -> Array:
    if not isinstance(changed, np.ndarray):
        raise ConfigError(
            f"The function of {edit.words} returned {type(changed).__name__}; it must return the "
            f"array, of the shape {list(part.shape)}."
        )
    if changed.shape != part.shape:
        raise ConfigError(
            f"{edit.words} gives the shape {list(changed.shape)} for the numbers of {module!r}, "
            f"which have the shape {list(part.shape)}."
        )
    return changed
