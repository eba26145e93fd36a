"""Tells the axes of batch and heads apart, also after they were merged into one.

Strides tell them apart: in a view of a projection, [batch, length, heads * head_dim], heads are
within a token. The result is remembered while a tensor is copied, scaled, transposed, or its two
axes are merged.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

from torch import Tensor


class Axes(NamedTuple):
    """Two axes that are batch and heads, in some order.

    Attributes:
        first, second: their sizes.
        place: the axis that they were merged into; None while they are the first two of four.
        heads: which of them is the heads, ``"first"`` or ``"second"``; empty if unknown.
    """

    first: int
    second: int
    place: int | None
    heads: str = ""


_JOINING = frozenset({"view", "reshape", "flatten"})
_REORDERING = frozenset({"permute", "movedim", "moveaxis", "einsum", "__get__"})
_SWAPPING = frozenset({"transpose", "swapaxes", "swapdims"})


class MergedOrders:
    """The order of batch and heads in tensors in which they share an axis."""

    def __init__(self) -> None:
        self._axes: dict[int, tuple[weakref.ref[Tensor], Axes]] = {}

    def of(self, x: Tensor) -> Axes | None:
        """Return the axes of batch and heads of a tensor, if they come first and are known."""
        axes = self._axes_of(x)
        if axes is not None:
            return axes if axes.place in (0, None) else None
        return _of_view(x) if x.ndim == 4 else None

    def _axes_of(self, x: Any) -> Axes | None:
        entry = self._axes.get(id(x))
        return None if entry is None or entry[0]() is not x else entry[1]

    def note(self, func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], out: Any) -> None:
        """Note what a function does to the axes of a tensor."""
        if not isinstance(out, Tensor) or out.ndim not in (3, 4) or not args:
            return
        x, name = args[0], getattr(func, "__name__", "")
        axes: Axes | None = None
        if name in ("cat", "concat", "concatenate"):
            axes = _of_pieces(x, out, args, kwargs)
            x = x[0]
        elif not isinstance(x, Tensor):
            return
        elif name in _JOINING and out.ndim == 3 and self._is_of_two(x):
            axes = _of_join(x, out, self.of(x))
        if axes is None:
            axes = self._after(name, x, args, out)
        if axes is not None:
            place = id(out)
            self._axes[place] = (
                weakref.ref(out, partial(self._forget, place)),
                axes,
            )

    def _forget(self, place: int, _: object) -> None:
        self._axes.pop(place, None)

    def _is_of_two(self, x: Tensor) -> bool:
        axes = self._axes_of(x)
        return axes is None or axes.place is None

    def _after(self, name: str, x: Tensor, args: tuple[Any, ...], out: Tensor) -> Axes | None:
        """Return the axes after a function that does not merge axes."""
        if x.ndim == out.ndim == 4:
            # A copy has other strides, but the axes of its source.
            stays = x.shape[:2] == out.shape[:2] and name not in _SWAPPING | _REORDERING
            return self.of(x) if stays else None
        axes = self._axes_of(x)
        if axes is None or axes.place is None or out.ndim != 3:
            return None
        if name in _SWAPPING and len(args) == 3:
            swap = {one % 3 for one in args[1:]}
            if axes.place in swap:
                place = (swap - {axes.place}).pop() if len(swap) == 2 else axes.place
                return axes._replace(place=place)
        elif name == "__get__" and out.shape != x.shape:
            return axes if axes.place == 0 else None  # .mT
        size = axes.first * axes.second
        return axes if out.shape[axes.place] == size else None


def _of_view(x: Tensor) -> Axes | None:
    """Return the axes of [., ., length, width], if it is a view of tokens that contain heads."""
    inner = [axis for axis in (0, 1) if x.stride(axis) < x.stride(2)]
    if not inner:
        return None
    heads = min(inner, key=x.stride)
    return Axes(x.shape[0], x.shape[1], None, ("first", "second")[heads])


def _of_join(x: Tensor, out: Tensor, before: Axes | None) -> Axes | None:
    """Return the axes that were merged by a view or by a copy in another shape."""
    if x.ndim == 4 and x.shape[2:] == out.shape[1:]:
        heads = "" if before is None else before.heads
        return Axes(x.shape[0], x.shape[1], 0, heads)
    if x.ndim == 3 and x.shape[0] == out.shape[0] and out.shape[1] > x.shape[1]:
        # [length, batch, heads * head_dim], as torch.nn.functional.multi_head_attention_forward
        return Axes(x.shape[1], out.shape[1] // x.shape[1], 1, "second")
    return None


def _of_pieces(
    pieces: Any, out: Tensor, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Axes | None:
    """Return the axes of pieces that were joined along the first."""
    axis = args[1] if len(args) > 1 else kwargs.get("dim", 0)
    if axis != 0 or len({piece.shape[0] for piece in pieces}) != 1 or len(pieces) < 2:
        return None
    return Axes(len(pieces), pieces[0].shape[0], 0)
