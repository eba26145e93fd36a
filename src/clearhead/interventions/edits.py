"""Edits of PyTorch models and of ours: which part of a computation changes, and how."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .positions import Positions

OUTPUT, HEADS, QUERY, KEY, VALUE = "output", "heads", "query", "key", "value"


class Place(NamedTuple):
    """The place of an edited tensor.

    Attributes:
        module: the name of the module.
        part: ``"output"`` of the module, or the ``"heads"``, ``"query"``, ``"key"`` or ``"value"``
            of its attention.
        heads: the heads of the tensor's second axis; empty for the output of a module.
        positions: the positions of its rows, Int[places]: a tensor, or an array of ours.
        length_axis: the axis of its rows.
        head_count: how many heads there are, of an array of ours; 0 elsewhere.
    """

    module: str
    part: str
    heads: tuple[int, ...]
    positions: Any
    length_axis: int
    head_count: int = 0


# A tensor, or an array of ours, and its place -> the new numbers.
Change = Callable[[Any, Place], Any]


@dataclass(eq=False)
class Edit:
    """The fields of all edits.

    Attributes:
        words: the edit as the user wrote it, for errors.
        heads: the heads to edit; None for all.
        applied: whether it has ever changed anything.
    """

    words: str
    heads: tuple[int, ...] | None = None
    applied: bool = field(default=False, init=False)


@dataclass(eq=False)
class TensorEdit(Edit):
    """An edit of a tensor: of a module's output, or of a part of its attention.

    Attributes:
        part: which tensor.
        change: returns the new numbers for those that are edited.
        positions: the rows to edit.
    """

    part: str = OUTPUT
    change: Change = lambda x, place: x
    positions: Positions = field(default_factory=Positions)


@dataclass(frozen=True)
class Texts:
    """Some of the texts of a batch.

    Attributes:
        numbers: which rows of the batch.
        count: how many rows it has.
    """

    numbers: tuple[int, ...]
    count: int


@dataclass(eq=False)
class EdgeEdit(Edit):
    """An edit of the weights with which some queries attend to some keys.

    Attributes:
        queries, keys: the two ends of the edges: each of these queries to each of these keys.
        renormalise: whether the other weights of a query are renormalised (the edge is masked
            before the softmax), or the weight is only set to 0 after it.
        texts: the texts whose edges change; None for all.
    """

    queries: Positions = field(default_factory=Positions)
    keys: Positions = field(default_factory=Positions)
    renormalise: bool = True
    texts: Texts | None = None
