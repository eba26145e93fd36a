"""Resolves an index such as ``m[0, :, 100:110]`` to the rows and columns to compute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ...errors import ConfigError
from ...shapes import Int

AXES = ("batch", "heads", "queries", "keys")


@dataclass(frozen=True)
class Selection:
    """The part of a map that an index selects.

    Attributes:
        positions: for each axis the indices that must be computed.
        within: the index that gives the result, into the tile of those positions.
    """

    positions: tuple[
        Int[Tensor, "batch"], Int[Tensor, "heads"], Int[Tensor, "rows"], Int[Tensor, "columns"]
    ]
    within: tuple[Any, ...]


def selection(index: Any, shape: Sequence[int], device: torch.device) -> Selection:
    """Resolve an index: integers, slices, Ellipsis, and lists or tensors of integers.

    Several lists are broadcast against each other, as in NumPy and PyTorch.

    Raises:
        IndexError: an index is out of range, of an unknown kind, or there are too many.
    """
    parts = list(index) if isinstance(index, tuple) else [index]
    dots = [i for i, part in enumerate(parts) if part is Ellipsis]
    count = len(parts) - len(dots)
    if count > len(AXES) or len(dots) > 1:
        raise IndexError(
            f"An attention map has four axes ({', '.join(AXES)}); got {count} indices and "
            f"{len(dots)} times '...' in {_short_repr(index)}."
        )
    missing = [slice(None)] * (len(AXES) - count)
    where = dots[0] if dots else len(parts)
    parts = parts[:where] + missing + parts[where + len(dots) :]
    axes = [
        _axis(part, size, name, device) for part, size, name in zip(parts, shape, AXES, strict=True)
    ]
    positions = tuple(x[0] for x in axes)
    return Selection(positions, tuple(x[1] for x in axes))  # type: ignore[arg-type]


def window(part: slice, length: int, name: str) -> range:
    """Return the positions of a window of queries or keys.

    Raises:
        ConfigError: it is empty or counts in steps.
    """
    positions = range(length)[part]
    if positions.step != 1 or not len(positions):
        raise ConfigError(
            f"{name} must be a slice of at least one position, in steps of 1, of the {length} "
            f"that there are; {part} came."
        )
    return positions


def _axis(
    part: Any, size: int, name: str, device: torch.device
) -> tuple[Int[Tensor, "count"], Any]:
    """Return the positions along one axis, and the index into them."""
    if isinstance(part, slice):
        try:
            start, stop, step = part.indices(size)
        except (TypeError, ValueError) as error:
            raise IndexError(
                f"{_short_repr(part)} is not a slice of the axis {name}: {error}."
            ) from error
        count = len(range(start, stop, step))
        return start + step * torch.arange(count, device=device), slice(None)
    # Every NumPy array has __index__, but only a 0-dimensional one is an integer.
    single = hasattr(part, "__index__") and not getattr(part, "shape", ())
    if single and not isinstance(part, Tensor | bool):
        return _in_range([int(part)], size, name, device), 0
    try:
        listed = torch.as_tensor(part)
    except (TypeError, ValueError, RuntimeError) as error:
        raise IndexError(_unknown(part, name)) from error
    if listed.dtype == torch.bool or listed.is_floating_point() or listed.is_complex():
        if listed.numel() or not isinstance(part, list | tuple):
            raise IndexError(_unknown(part, name))
        listed = listed.long()
    positions = _in_range(listed.flatten().tolist(), size, name, device)
    return positions, torch.arange(listed.numel(), device=device).reshape(listed.shape)


def _in_range(
    listed: Sequence[int], size: int, name: str, device: torch.device
) -> Int[Tensor, "count"]:
    """Return indices that count from the end as positions from the beginning."""
    for i in listed:
        if not -size <= i < size:
            raise IndexError(
                f"Index {i} is out of range for the axis {name}, which has {size} entries: "
                f"{-size} to {size - 1}."
            )
    return torch.tensor([i % size for i in listed], dtype=torch.int64, device=device)


def _unknown(part: Any, name: str) -> str:
    """Return the error for an index of an unknown kind."""
    return (
        f"The axis {name} is indexed by integers, slices, '...' and lists of integers; got "
        f"{_short_repr(part)}."
    )


def _short_repr(part: Any) -> str:
    """Return a representation of at most 60 characters."""
    text = repr(part)
    return text if len(text) <= 60 else text[:57] + "..."
