"""The axes of a softmax's input, and the places of its rows and columns in earlier tensors."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ....shapes import Shaped
from ...recording.captured import Unreadable
from ._nodes import Layout, Node, row_major

# The most entries of a term that is copied into another order of axes.
_LARGEST_COPY = 1 << 24


@dataclass(frozen=True, eq=False)
class Axes:
    """The roles of the axes of a softmax's input.

    Attributes:
        softmax: the axis of the keys.
        query: the axis of the queries, after the axis of the keys was moved to the end.
        batch, heads: the sizes into which the leading axes are merged.
        heads_first: whether the heads are the outer axis of the two.
    """

    softmax: int
    query: int
    batch: int
    heads: int
    heads_first: bool = False

    def four(self, x: Tensor) -> Shaped[Tensor, "#batch #heads #query_len #key_len"]:
        """Return a tensor that has these axes, or size 1 in them, with the four axes of a map."""
        x = x.movedim(self.softmax, -1)
        if self.query != x.ndim - 2:
            x = x.movedim(self.query, -2)
        lead = x.shape[:-2]
        outer, inner = (self.batch, self.heads)[:: -1 if self.heads_first else 1]
        if all(size == 1 for size in lead):
            return x.reshape(1, 1, *x.shape[-2:])
        if not self.heads_first and len(lead) > 2 and lead.numel() == lead[-1] == inner:
            return x.reshape(1, inner, *x.shape[-2:])  # the same in all windows
        if not (len(lead) == 2 and lead[0] in (1, outer) and lead[1] in (1, inner)):
            if lead.numel() != self.batch * self.heads:
                raise Unreadable(
                    "a mask or bias is broadcast along an axis that became part of another"
                )
            x = x.reshape(outer, inner, *x.shape[-2:])
        return x.transpose(0, 1) if self.heads_first else x

    def batch_and_heads(
        self, x: Shaped[Tensor, "batch_and_heads *rest"]
    ) -> Shaped[Tensor, "batch heads *rest"]:
        """Split the first axis of a tensor, the flattened leading axes, into batch and heads."""
        outer, inner = (self.batch, self.heads)[:: -1 if self.heads_first else 1]
        x = x.reshape(outer, inner, *x.shape[1:])
        return x.transpose(0, 1) if self.heads_first else x


@dataclass(frozen=True, eq=False)
class Place:
    """The places of the rows and columns of a softmax's input in a node's tensor.

    Attributes:
        node: the node of the tensor.
        rows: the coordinates of each row's first column.
        columns: the coordinates of the columns, in the first row and in the last one.
    """

    node: Node
    rows: list[Tensor]
    columns: list[Tensor]


def in_final_axes(term: Tensor, place: Place, layout: Layout, axes: Axes) -> Tensor:
    """Bring a term of an earlier tensor to the axes of the softmax's input.

    Args:
        term: what was added to the scores or replaced them, broadcast to the earlier tensor.
        place: where the softmax's rows and columns lie in the earlier tensor.
        layout: of the softmax's input, the keys on its last axis.
        axes: of the softmax's input.

    Raises:
        Unreadable: the axes are in another order, and the term is too large to copy.
    """
    anchor, final = place.node.layout.shape, layout.shape
    term = term.detach()
    term = term.reshape((1,) * (len(anchor) - term.ndim) + tuple(term.shape))
    # If rows and columns are in the same order in both, the term is only reshaped.
    starts = row_major([*place.rows], anchor)
    width = anchor[-1]
    count = starts.numel()
    steps = row_major([*place.columns], anchor)[0]
    steps = steps - steps[0]
    flat = bool((starts.reshape(-1) == torch.arange(count) * width).all())
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
    # Otherwise it is gathered entry by entry.
    if starts.numel() * steps.numel() > _LARGEST_COPY:
        raise Unreadable("a large bias or mask was added before the axes were put in another order")
    index = (starts[..., None] + steps).to(term.device)
    return term.expand(anchor).reshape(-1)[index].movedim(-1, back)
