"""From what stands in the brackets of ``m[0, :, 100:110]`` to the rows and columns to compute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

AXES = ("batch", "heads", "queries", "keys")


@dataclass(frozen=True)
class Selection:
    """What an index asks for.

    Attributes:
        positions: for each axis the indices that must be computed.
        within: the index into the tile of those positions that gives what was asked.
    """

    positions: tuple[Tensor, Tensor, Tensor, Tensor]
    within: tuple[Any, ...]


def selection(index: Any, shape: Sequence[int], device: torch.device) -> Selection:
    """Takes apart an index: integers, slices, Ellipsis, and lists or tensors of integers.

    Several lists go together as NumPy's and PyTorch's do.

    Raises:
        IndexError: an index is out of range, of an unknown kind, or there are too many.
    """
    parts = list(index) if isinstance(index, tuple) else [index]
    dots = [i for i, part in enumerate(parts) if part is Ellipsis]
    given = len(parts) - len(dots)
    if given > len(AXES) or len(dots) > 1:
        raise IndexError(
            f"An attention map has four axes ({', '.join(AXES)}); got {given} indices and "
            f"{len(dots)} times '...' in {_shown(index)}."
        )
    missing = [slice(None)] * (len(AXES) - given)
    where = dots[0] if dots else len(parts)
    parts = parts[:where] + missing + parts[where + len(dots) :]
    found = [
        _axis(part, size, name, device) for part, size, name in zip(parts, shape, AXES, strict=True)
    ]
    positions = tuple(x[0] for x in found)
    return Selection(positions, tuple(x[1] for x in found))  # type: ignore[arg-type]


def _axis(part: Any, size: int, name: str, device: torch.device) -> tuple[Tensor, Any]:
    """The positions along one axis, and the index into them."""
    if isinstance(part, slice):
        try:
            start, stop, step = part.indices(size)
        except (TypeError, ValueError) as error:
            raise IndexError(f"{_shown(part)} is no slice of the axis {name}: {error}.") from error
        count = len(range(start, stop, step))
        return start + step * torch.arange(count, device=device), slice(None)
    # Every NumPy array has __index__, but only one without axes is an integer.
    single = hasattr(part, "__index__") and not getattr(part, "shape", ())
    if single and not isinstance(part, Tensor | bool):
        return _in_range([int(part)], size, name, device), 0
    try:
        wanted = torch.as_tensor(part)
    except (TypeError, ValueError, RuntimeError) as error:
        raise IndexError(_unknown(part, name)) from error
    if wanted.dtype == torch.bool or wanted.is_floating_point() or wanted.is_complex():
        if wanted.numel() or not isinstance(part, list | tuple):
            raise IndexError(_unknown(part, name))
        wanted = wanted.long()
    positions = _in_range(wanted.flatten().tolist(), size, name, device)
    return positions, torch.arange(wanted.numel(), device=device).reshape(wanted.shape)


def _in_range(wanted: Sequence[int], size: int, name: str, device: torch.device) -> Tensor:
    for i in wanted:
        if not -size <= i < size:
            raise IndexError(
                f"Index {i} is out of range for the axis {name}, which has {size} entries: "
                f"{-size} to {size - 1}."
            )
    return torch.tensor([i % size for i in wanted], dtype=torch.int64, device=device)


def _unknown(part: Any, name: str) -> str:
    return (
        f"The axis {name} is indexed by integers, slices, '...' and lists of integers; got "
        f"{_shown(part)}."
    )


def _shown(part: Any) -> str:
    text = repr(part)
    return text if len(text) <= 60 else text[:57] + "..."
