"""How batch and heads became one axis: which of them comes first.

It is noted where a model makes one axis of two, and kept while the tensor is scaled, transposed or
copied. Nothing is guessed: where batch and heads are as many, the strides of the tensor before
must tell.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from typing import Any, NamedTuple

from torch import Tensor


class Axes(NamedTuple):
    """Two axes that became one.

    Attributes:
        first, second: their sizes.
        place: the axis that they are now.
        outer: which of them has the longer stride, where that could be told: ``"first"`` or
            ``"second"``; the batch has, in a view of a projection.
    """

    first: int
    second: int
    place: int
    outer: str = ""


_JOINING = frozenset({"view", "reshape", "flatten"})
_SWAPPING = frozenset({"transpose", "swapaxes", "swapdims"})


class MergedOrders:
    """How batch and heads lie in tensors in which they share an axis."""

    def __init__(self) -> None:
        self._axes: dict[int, tuple[weakref.ref[Tensor], Axes]] = {}

    def of(self, x: Tensor) -> Axes | None:
        """Return the two axes that became the first one of a tensor, where that is known."""
        entry = self._axes.get(id(x))
        if entry is None or entry[0]() is not x or entry[1].place != 0:
            return None
        return entry[1]

    def note(
        self, func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], out: Any
    ) -> None:
        """Note what a function does to the axes of a tensor."""
        if not isinstance(out, Tensor) or out.ndim != 3 or not args:
            return
        x, name = args[0], getattr(func, "__name__", "")
        if name in ("cat", "concat", "concatenate"):
            axes = _of_pieces(x, out, args, kwargs)
        elif not isinstance(x, Tensor):
            return
        elif name in _JOINING and id(x) not in self._axes:
            axes = _of_join(x, out)
        else:
            axes = self._after(name, x, args, out)
        if axes is not None:
            place = id(out)
            self._axes[place] = (
                weakref.ref(out, lambda _, place=place: self._axes.pop(place, None)),
                axes,
            )

    def _after(self, name: str, x: Tensor, args: tuple[Any, ...], out: Tensor) -> Axes | None:
        """Return the axes behind a function that merges nothing."""
        entry = self._axes.get(id(x))
        if entry is None or entry[0]() is not x:
            return None
        axes = entry[1]
        if name in _SWAPPING and len(args) == 3:
            swap = {one % 3 for one in args[1:]}
            if axes.place in swap:
                place = (swap - {axes.place}).pop() if len(swap) == 2 else axes.place
                return axes._replace(place=place)
        elif name == "__get__" and out.shape != x.shape:
            return axes if axes.place == 0 else None  # .mT
        size = axes.first * axes.second
        return axes if out.shape[axes.place] == size else None


def _of_join(x: Tensor, out: Tensor) -> Axes | None:
    """Return the axes that a view or a copy in another shape made one of."""
    if x.ndim == 4 and x.shape[2:] == out.shape[1:]:
        outer = ""
        if not x.is_contiguous():
            outer = "first" if x.stride(0) > x.stride(1) else "second"
        return Axes(x.shape[0], x.shape[1], 0, outer)
    if x.ndim == 3 and x.shape[0] == out.shape[0] and out.shape[1] > x.shape[1]:
        # [length, batch, heads * head_dim], as torch.nn.functional.multi_head_attention_forward
        return Axes(x.shape[1], out.shape[1] // x.shape[1], 1, "first")
    return None


def _of_pieces(
    pieces: Any, out: Tensor, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Axes | None:
    """Return the axes of pieces that were joined along the first."""
    axis = args[1] if len(args) > 1 else kwargs.get("dim", 0)
    if axis != 0 or len({piece.shape[0] for piece in pieces}) != 1 or len(pieces) < 2:
        return None
    return Axes(len(pieces), pieces[0].shape[0], 0)
