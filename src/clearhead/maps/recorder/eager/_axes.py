"""The axes of a softmax's input, and where its rows and columns are in earlier tensors."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ...recording.captured import Unreadable
from ._nodes import Layout, Node, row_major

# A term that has to be brought into another order of axes is copied whole, up to so many entries.
_GATHERED_AT_MOST = 1 << 24


@dataclass(frozen=True, eq=False)
class Axes:
    """What the axes of a softmax's input are.

    Attributes:
        softmax: the axis of the keys.
        query: the axis of the queries, after that of the keys was moved to the end.
        batch, heads: what the axes before them are taken together to.
        heads_first: the heads are the outer of the two.
    """

    softmax: int
    query: int
    batch: int
    heads: int
    heads_first: bool = False

    def four(self, x: Tensor) -> Tensor:
        """[batch|1, heads|1, queries, keys] of a tensor with these axes, some perhaps 1 wide."""
        x = x.movedim(self.softmax, -1)
        if self.query != x.ndim - 2:
            x = x.movedim(self.query, -2)
        lead = x.shape[:-2]
        outer, inner = (self.batch, self.heads)[:: -1 if self.heads_first else 1]
        if all(size == 1 for size in lead):
            return x.reshape(1, 1, *x.shape[-2:])
        if not (len(lead) == 2 and lead[0] in (1, outer) and lead[1] in (1, inner)):
            if lead.numel() != self.batch * self.heads:
                raise Unreadable(
                    "a mask or bias is broadcast along an axis that became part of another"
                )
            x = x.reshape(outer, inner, *x.shape[-2:])
        return x.transpose(0, 1) if self.heads_first else x

    def batch_and_heads(self, x: Tensor) -> Tensor:
        """[batch, heads, ...] of what has the leading axes that these are made of, flattened."""
        outer, inner = (self.batch, self.heads)[:: -1 if self.heads_first else 1]
        x = x.reshape(outer, inner, *x.shape[1:])
        return x.transpose(0, 1) if self.heads_first else x


@dataclass(frozen=True, eq=False)
class Place:
    """Where the rows and columns of a softmax's input are in a node's tensor."""

    node: Node
    rows: list[Tensor]
    columns: list[Tensor]


def in_final_axes(term: Tensor, place: Place, layout: Layout, axes: Axes) -> Tensor:
    """A term that was given for the axes of an earlier tensor, with those of the softmax."""
    anchor, final = place.node.layout.shape, layout.shape
    term = term.detach()
    term = term.reshape((1,) * (len(anchor) - term.ndim) + tuple(term.shape))
    wanted = row_major([*place.rows], anchor)
    width = anchor[-1]
    count = wanted.numel()
    steps = row_major([*place.columns], anchor)[0]
    steps = steps - steps[0]
    flat = bool((wanted.reshape(-1) == torch.arange(count) * width).all())
    flat = flat and bool((steps == torch.arange(steps.numel())).all())
    back = axes.softmax if axes.softmax >= 0 else len(final) + axes.softmax
    if flat and count * width == place.node.layout.numel:
        if anchor == final:
            return term.movedim(-1, back)
        lead = anchor[:-2]
        if anchor[-2:] == final[-2:]:
            if all(size == 1 for size in term.shape[:-2]):
                return term.reshape((1,) * (len(final) - 2) + tuple(term.shape[-2:]))
            whole = term.expand(*lead, *term.shape[-2:])
            return whole.reshape(*final[:-2], *term.shape[-2:]).movedim(-1, back)
    if wanted.numel() * steps.numel() > _GATHERED_AT_MOST:
        raise Unreadable("a large bias or mask was added before the axes were put in another order")
    index = (wanted[..., None] + steps).to(term.device)
    return term.expand(anchor).reshape(-1)[index].movedim(-1, back)
