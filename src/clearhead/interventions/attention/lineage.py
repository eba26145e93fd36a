"""Follows from function to function which tensors are scores and weights of an attention."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from torch import Tensor

from ...errors import ConfigError
from ...maps.recorder.owners import Chain, Owner
from ..edits import HEADS, KEY, QUERY, VALUE, EdgeEdit, Edit, TensorEdit
from ..offsets import Offsets
from ..running import EditedModel, ModuleCall
from .edge_plan import EdgeGroup, edge_groups
from .layout import Layout
from .merged_order import Axes

# Functions that reorder or move keys or queries.
_REORDERING = frozenset(
    [
        "flip",
        "fliplr",
        "flipud",
        "roll",
        "sort",
        "argsort",
        "gather",
        "index_select",
        "take",
        "take_along_dim",
        "scatter",
        "transpose",
        "permute",
        "swapaxes",
        "swapdims",
        "movedim",
        "mT",
        "__get__",
        "T",
        "cumsum",
        "fft",
        "pad",
        "constant_pad_nd",
    ]
)


@dataclass(eq=False)
class ScoreProduct:
    """A product that may turn out to be the scores of an attention.

    Attributes:
        query: the queries, for the layout of batch and heads.
        query_len, key_len: the number of queries and keys.
        chains: the modules of each model that were running.
        axes: the axes merged into the first of three axes, if known.
        edits: the edits of queries and keys that were applied.
    """

    query: Tensor
    query_len: int
    key_len: int
    chains: list[tuple[EditedModel, Chain]]
    axes: Axes | None = None
    edits: list[Edit] = field(default_factory=list)


@dataclass(eq=False)
class Softmax:
    """A softmax over scores.

    Attributes:
        owner: the attending module.
        edits: the edits of its attention.
        calls: the calls that the edits belong to.
        products: the products that the scores consist of.
        layout: how batch and heads lie in the scores.
        rank: the number of axes of the scores.
        offsets: the positions of the first query and key.
        meetings: how many times its weights met values.
    """

    owner: Owner
    edits: list[Edit]
    calls: list[ModuleCall]
    products: tuple[ScoreProduct, ...]
    layout: Layout
    rank: int
    offsets: Offsets
    meetings: int = 0

    def tensor_edits(self, part: str) -> list[TensorEdit]:
        """Return the edits of a part of the attention."""
        return [e for e in self.edits if isinstance(e, TensorEdit) and e.part == part]

    def edge_groups(self, x: Tensor, *, renormalise: bool) -> list[EdgeGroup]:
        """Return the edges to edit before the softmax, or those to edit after it.

        Args:
            x: the scores or weights, [batch, heads, query_len, key_len] or with more columns.
        """
        edits = [
            edit
            for edit in self.edits
            if isinstance(edit, EdgeEdit) and edit.renormalise is renormalise
        ]
        if not edits:
            return []
        for edit in edits:
            self.layout.check(edit)
        shape = (*x.shape[:3], self.products[0].key_len)
        return edge_groups(edits, shape, self.offsets, self.owner.name, x.device)

    def check_values(self, weights: Tensor, layout: Layout) -> None:
        """Check that all weights of this softmax meet values, and only once.

        Args:
            weights: as they meet the values.
            layout: how batch and heads lie in them.

        Raises:
            ConfigError: an edit is ambiguous because there are two such tensors, or is of keys that
                were moved.
        """
        edits = [e for e in self.edits if not (isinstance(e, EdgeEdit) and e.renormalise)]
        late = [e for e in edits if getattr(e, "part", VALUE) in (HEADS, VALUE)]
        for edit in late:
            layout.check(edit)
            if self.meetings > 1 and isinstance(edit, TensorEdit):
                raise ConfigError(
                    f"{edit.words}: the weights of {self.owner.name!r} meet values more than once, "
                    "so that its values and the outputs of its heads are not one tensor."
                )
            if weights.shape[-1] != self.products[0].key_len and edit not in self.tensor_edits(
                HEADS
            ):
                raise ConfigError(
                    f"{edit.words}: the weights of {self.owner.name!r} meet {weights.shape[-1]} "
                    f"values, and their scores are of {self.products[0].key_len} keys, so that it "
                    "is not known which value is of which key."
                )

    def finish(self) -> None:
        """Note that the attention was edited from end to end."""
        of_products = {id(edit) for one in self.products for edit in one.edits}
        for call in self.calls:
            for product in self.products:
                call.waiting.pop(id(product), None)
            for edit in self.edits:
                early = isinstance(edit, TensorEdit) and edit.part in (QUERY, KEY)
                if not early or id(edit) in of_products:
                    call.applied.add(id(edit))


Origin = ScoreProduct | Softmax


class Lineage:
    """Remembers the origin of tensors, as long as they exist."""

    def __init__(self) -> None:
        self._origins: dict[int, tuple[weakref.ref[Tensor], tuple[Origin, ...]]] = {}

    def __len__(self) -> int:
        return len(self._origins)

    def note(self, x: Tensor, origins: tuple[Origin, ...]) -> None:
        """Note the origin of a tensor."""
        place = id(x)
        self._origins[place] = (
            weakref.ref(x, partial(self._forget, place)),
            origins,
        )

    def _forget(self, place: int, _: object) -> None:
        self._origins.pop(place, None)

    def of(self, x: Any) -> tuple[Origin, ...]:
        """Return the origin of a tensor; nothing for tensors that are not part of attention."""
        entry = self._origins.get(id(x))
        if entry is None or entry[0]() is not x:
            return ()
        return entry[1]

    def follow(self, func: Any, args: Any, out: Any) -> None:
        """Note that a function's result has the origin of its arguments.

        It has if queries and keys are still its last axes; there may be more keys, such as sinks.
        """
        if not isinstance(out, Tensor) or out.ndim < 2 or not out.is_floating_point():
            return
        if getattr(func, "__name__", "") in _REORDERING:
            return
        origins: list[Origin] = []
        for x in _tensors(args):
            for origin in self.of(x):
                key_len = _products(origin)[0].key_len
                fits = x.ndim > 1 and out.shape[-2] == x.shape[-2] and out.shape[-1] >= key_len
                if fits and all(origin is not one for one in origins):
                    origins.append(origin)
        if origins:
            self.note(out, tuple(origins))


def _products(origin: Origin) -> tuple[ScoreProduct, ...]:
    return origin.products if isinstance(origin, Softmax) else (origin,)


def _tensors(args: Any) -> Iterator[Tensor]:
    """Yield the tensors among arguments, and in lists of these."""
    for x in args:
        if isinstance(x, Tensor):
            yield x
        elif isinstance(x, list | tuple):
            yield from _tensors(x)
