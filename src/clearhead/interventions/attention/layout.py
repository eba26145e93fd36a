"""The layout of batch and heads in tensors of an attention, converted to [batch, heads, ...].

heads second        [batch, heads, length, head_dim], as nearly all models have it
heads first         [heads, batch, length, head_dim]
merged              [batch * heads, length, head_dim]
merged heads first  [heads * batch, length, head_dim]
packed              [batch, kv_heads, group, head_dim], the heads of one query (a single token)
one head            [batch, length, head_dim], or [length, head_dim]
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ...errors import ConfigError
from ..edits import EdgeEdit, Edit
from .merged_order import Axes

SECOND, FIRST, MERGED, MERGED_FIRST, PACKED_HEADS, ONE = (
    "heads second",
    "heads first",
    "merged",
    "merged heads first",
    "packed",
    "one head",
)


@dataclass(frozen=True)
class Layout:
    """Where batch and heads are.

    Attributes:
        form: one of the six above.
        heads: the number of heads.
        doubt: why batch and heads cannot be told apart; empty if they can.
    """

    form: str
    heads: int
    doubt: str = ""

    def unfold(self, x: Tensor) -> Tensor:
        """Return queries, keys, values, scores, weights or outputs as [batch, heads, ., .]."""
        if self.form == FIRST:
            return x.transpose(0, 1)
        if self.form == MERGED:
            return x.unflatten(0, (-1, self.heads))
        if self.form == MERGED_FIRST:
            return x.unflatten(0, (self.heads, -1)).transpose(0, 1)
        if self.form == ONE:
            return x.unsqueeze(1) if x.ndim == 3 else x[None, None]
        return x

    def fold(self, x: Tensor, like: Tensor) -> Tensor:
        """Return a tensor [batch, heads, ., .] in the model's layout.

        Args:
            x: the tensor.
            like: a tensor of the model with the same axes, whose layout the result gets.
        """
        if self.form == FIRST:
            return x.transpose(0, 1)
        if self.form == MERGED:
            return x.flatten(0, 1)
        if self.form == MERGED_FIRST:
            return x.transpose(0, 1).flatten(0, 1)
        if self.form == ONE:
            return x.squeeze(1) if like.ndim == 3 else x[0, 0]
        return x

    def check(self, edit: Edit) -> None:
        """Check that the heads of an edit can be identified.

        Raises:
            ConfigError: it cannot.
        """
        of_texts = isinstance(edit, EdgeEdit) and edit.texts is not None
        if self.doubt and (edit.heads is not None or of_texts):
            way = (
                "Run the texts one by one" if of_texts else "Edit all heads alike, without .head()"
            )
            raise ConfigError(f"{edit.words}: {self.doubt}. {way}.")


def layout_of(
    query: Tensor, hints: list[int], *, packed_heads: bool = False, axes: Axes | None = None
) -> Layout:
    """Return the layout of batch and heads in the queries of an attention.

    Args:
        query: the queries.
        hints: the numbers of heads in the module's attributes.
        packed_heads: whether the heads of one query were packed as queries.
        axes: what is known of the axes of batch and heads.

    Raises:
        ConfigError: the meaning of the tensor's axes is unknown.
    """
    if packed_heads:
        return Layout(PACKED_HEADS, query.shape[1] * query.shape[2])
    if query.ndim == 4:
        return _of_four_axes(query, hints, axes)
    if query.ndim == 3:
        return _of_three_axes(query, hints, axes)
    if query.ndim == 2:
        return Layout(ONE, 1)
    raise ConfigError(
        f"The attention has tensors of {query.ndim} axes, and edits are for [batch, heads, length, "
        "head_dim], or with batch and heads in one axis."
    )


def _of_four_axes(query: Tensor, hints: list[int], axes: Axes | None) -> Layout:
    """Return the layout of tensors with separate axes for batch and heads.

    By default it is the order that `scaled_dot_product_attention` documents. It is in doubt if both
    axes have as many entries as the module has heads, and no strides tell.
    """
    first, second = query.shape[:2]
    heads = "" if axes is None else axes.heads
    doubt = ""
    if first != second and (first in hints) != (second in hints):
        heads = "second" if second in hints else "first"
    elif not heads:
        doubt = _NO_AXIS.format(first) if first == second > 1 and first in hints else ""
    return Layout(FIRST, first) if heads == "first" else Layout(SECOND, second, doubt)


def _of_three_axes(query: Tensor, hints: list[int], axes: Axes | None) -> Layout:
    count = query.shape[0]
    if axes is not None and 1 not in axes[:2]:
        first, second = axes.first in hints, axes.second in hints
        heads = axes.heads if first == second else "first" if first else "second"
        if heads:
            return (
                Layout(MERGED, axes.second)
                if heads == "second"
                else Layout(MERGED_FIRST, axes.first)
            )
    heads_hint = next((h for h in hints if h > 1 and count % h == 0), 1)
    if heads_hint == 1:
        return Layout(ONE, 1, "" if hints == [1] or count == 1 else _NO_HEADS.format(count))
    doubt = "" if heads_hint == count else _NO_ORDER.format(heads_hint, count)
    return Layout(MERGED, heads_hint, doubt)


_NO_AXIS = (
    "batch and heads are both {}, and nothing tells which axis is which: call the model with a "
    "batch of another size"
)
_NO_HEADS = (
    "batch and heads share an axis of {}, and how many heads there are is not known: the module "
    "has no num_heads"
)
_NO_ORDER = (
    "batch and {} heads share an axis of {}, and whether the batch or the heads come first is not "
    "known"
)
