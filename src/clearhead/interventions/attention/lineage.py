"""Which tensors are scores and weights of an attention, followed from function to function."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from ...maps.recorder.owners import Chain, Owner
from ..edits import Edit
from ..running import EditedModel, ModuleCall
from .layout import Layout
from .merged_order import Axes

# Functions that give keys or queries another order or another place.
_REORDERING = frozenset(
    "flip fliplr flipud roll sort argsort gather index_select take take_along_dim scatter "
    "transpose permute swapaxes swapdims movedim mT __get__ T cumsum fft pad constant_pad_nd".split()
)


@dataclass(eq=False)
class ScoreProduct:
    """A product that may turn out to be the scores of an attention.

    Attributes:
        query: the queries, for how batch and heads lie in them.
        query_len, key_len: the number of queries and keys.
        chains: the modules of each model that were running.
        axes: those that became the first of three axes, where they are known.
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
        calls: the calls whose edits these are.
        products: the products that the scores are made of.
        layout: how batch and heads lie in the scores.
        rank: how many axes these have.
        first_query, first_key: positions of the first query and key; that of the query may be
            unknown.
        doubt: why it is unknown.
        meetings: how often its weights met values.
    """

    owner: Owner
    edits: list[Edit]
    calls: list[ModuleCall]
    products: tuple[ScoreProduct, ...]
    layout: Layout
    rank: int
    first_query: int | None
    first_key: int
    doubt: str
    meetings: int = 0


Origin = ScoreProduct | Softmax


class Lineage:
    """What tensors were made of, as long as they exist."""

    def __init__(self) -> None:
        self._origins: dict[int, tuple[weakref.ref[Tensor], tuple[Origin, ...]]] = {}

    def __len__(self) -> int:
        return len(self._origins)

    def note(self, x: Tensor, origins: tuple[Origin, ...]) -> None:
        """Note what a tensor was made of."""
        place = id(x)
        self._origins[place] = (
            weakref.ref(x, lambda _, place=place: self._origins.pop(place, None)),
            origins,
        )

    def of(self, x: Any) -> tuple[Origin, ...]:
        """Return what a tensor was made of; nothing for all that has no part in attention."""
        entry = self._origins.get(id(x))
        if entry is None or entry[0]() is not x:
            return ()
        return entry[1]

    def follow(self, func: Any, args: Any, out: Any) -> None:
        """Note that a function's result is made of what its arguments are.

        It is if queries and keys are still its last axes: there may be more keys, such as sinks.
        """
        if not isinstance(out, Tensor) or out.ndim < 2 or not out.is_floating_point():
            return
        if getattr(func, "__name__", "") in _REORDERING:
            return
        origins: list[Origin] = []
        for x in _tensors(args):
            for origin in self.of(x):
                key_len = _products(origin)[0].key_len
                if x.ndim > 1 and out.shape[-2] == x.shape[-2] and out.shape[-1] >= key_len:
                    if all(origin is not one for one in origins):
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
