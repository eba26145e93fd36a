"""A tensor with an edit applied to some of its heads and positions."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ..errors import ConfigError
from .edits import Edit, Place, TensorEdit


class Frame(NamedTuple):
    """The place of an edited tensor in its sequence.

    Attributes:
        module: the name of the module.
        first: the position of the first row; None if unknown.
        length_axis: the axis of the rows; None if unknown.
        head_axis: the axis of the heads; None where there is none.
        doubt: why `first` or `length_axis` is unknown.
    """

    module: str
    first: int | None
    length_axis: int | None
    head_axis: int | None = None
    doubt: str = ""


def apply_edit(x: Tensor, edit: TensorEdit, frame: Frame) -> Tensor:
    """Return a tensor with an edit applied; the tensor itself is not written to.

    Raises:
        ConfigError: heads or positions are out of range, or the change returns another shape.
    """
    rows, positions = _rows(x, edit, frame)
    if rows is not None and not len(rows):
        return x
    heads, numbers = _heads(x, edit, frame)
    part = x
    if heads is not None:
        assert frame.head_axis is not None
        part = part.index_select(frame.head_axis, heads)
    if rows is not None:
        assert frame.length_axis is not None
        part = part.index_select(frame.length_axis, rows)
    axis = 0 if frame.length_axis is None else frame.length_axis
    changed = edit.change(part, Place(frame.module, edit.part, numbers, positions, axis))
    changed = _checked(changed, part, edit, frame)
    edit.applied = True
    if rows is not None:
        assert frame.length_axis is not None
        around = x if heads is None else x.index_select(frame.head_axis, heads)  # type: ignore[arg-type]
        changed = around.index_copy(frame.length_axis, rows, changed)
    if heads is not None:
        assert frame.head_axis is not None
        changed = x.index_copy(frame.head_axis, heads, changed)
    return changed


def _rows(x: Tensor, edit: TensorEdit, frame: Frame) -> tuple[Tensor | None, Tensor]:
    """Return the rows of an edit, None for all, and their positions."""
    if frame.first is None or frame.length_axis is None:
        if not edit.positions.is_all:
            raise ConfigError(
                f"{edit.words} is limited to positions, and {frame.doubt}. Edit all positions, or "
                "use .apply(function) and select within the function."
            )
        return None, torch.arange(0)
    length = x.shape[frame.length_axis]
    rows = edit.positions.within(frame.first, length)
    places = torch.arange(length) if rows is None else torch.tensor(rows, dtype=torch.int64)
    return None if rows is None else places.to(x.device), places + frame.first


def _heads(x: Tensor, edit: TensorEdit, frame: Frame) -> tuple[Tensor | None, tuple[int, ...]]:
    """Return the heads of an edit, None for all, and their numbers."""
    if frame.head_axis is None:
        return None, ()
    count = x.shape[frame.head_axis]
    if edit.heads is None:
        return None, tuple(range(count))
    check_heads(edit, count, frame.module)
    return torch.tensor(edit.heads, device=x.device), edit.heads


def check_heads(edit: Edit, count: int, module: str) -> None:
    """Check that the heads of an edit exist.

    Raises:
        ConfigError: there are fewer heads.
    """
    if edit.heads is not None and max(edit.heads) >= count:
        raise ConfigError(
            f"{edit.words} asks for head {max(edit.heads)}, and {module!r} has {count} heads, "
            f"0 to {count - 1}."
        )


def _checked(changed: object, part: Tensor, edit: TensorEdit, frame: Frame) -> Tensor:
    if not isinstance(changed, Tensor):
        raise ConfigError(
            f"The function of {edit.words} returned {type(changed).__name__}; it must return the "
            f"tensor, of the shape {list(part.shape)}."
        )
    if changed.shape != part.shape:
        raise ConfigError(
            f"{edit.words} gives the shape {list(changed.shape)} for the numbers of "
            f"{frame.module!r}, which have the shape {list(part.shape)}."
        )
    return changed.to(part.device, part.dtype)
