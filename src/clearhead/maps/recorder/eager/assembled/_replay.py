"""Runs movements again, on numbers that say where each element came from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .....shapes import Float, Int
from ....recording.captured import Unreadable
from .._nodes import Addition, Copy, Fill, Layout, Scaling, Shift, Step, UnknownStep
from ._movements import UNKNOWN_INDEX, Movement, Movements, Piece

CONSTANT = -1


@dataclass(eq=False)
class Elements:
    """What is known about each element of a memory.

    Attributes:
        origin: where it came from; CONSTANT for a number that was written there.
        term: what was added to it on the way; None if nothing was.
        factors: the factors of elements, by the index of their origin.
    """

    origin: Int[Tensor, "*size"]
    term: Float[Tensor, "*size"] | None
    factors: dict[int, float]

    @classmethod
    def constant(cls, size: int) -> Elements:
        return cls(torch.full((size,), CONSTANT), None, {})

    def terms(self, dtype: torch.dtype = torch.float32) -> Float[Tensor, "*size"]:
        """Return `term` in memory that can be written to."""
        if self.term is None:
            self.term = torch.zeros(self.origin.shape, dtype=dtype)
        return self.term

    def add_factors(self, factors: Mapping[int, float]) -> None:
        """Add the factors of elements that were moved here."""
        for number, factor in factors.items():
            if self.factors.setdefault(number, factor) != factor:
                raise Unreadable("parts of one product were scaled by different numbers")


class Replay:
    """Runs movements again, on the sources of the elements.

    Args:
        movements: the noted movements.
        leaf: takes a memory, and whether there are movements into it; returns what is known about
            its elements before any movement, None where they are constants.
    """

    def __init__(
        self, movements: Movements, leaf: Callable[[Piece, bool], Elements | None]
    ) -> None:
        self._movements, self._leaf = movements, leaf
        self._memory: dict[tuple[int, int], Elements] = {}

    def of(self, x: Tensor, *, before_last: bool = False) -> Elements:
        """Return what is known about the memory of a tensor, now or before its last movement."""
        piece = Piece.of(x)
        movements = self._movements.before(piece.storage, None)
        time = movements[-1].time if before_last and movements else None
        return self._elements(piece, time)

    def origin(self, x: Tensor) -> Int[Tensor, "*shape"]:
        """Return where the elements of a tensor came from."""
        return Piece.of(x).view(self.of(x).origin)

    def _elements(self, piece: Piece, time: int | None) -> Elements:
        movements = self._movements.before(piece.storage, time)
        key = (piece.storage, movements[-1].time if movements else -1)
        if key not in self._memory:
            elements = self._leaf(piece, bool(movements)) or Elements.constant(piece.size)
            if movements:
                term = None if elements.term is None else elements.term.clone()
                elements = Elements(elements.origin.clone(), term, dict(elements.factors))
            for movement in movements:
                self._run(movement, elements)
            self._memory[key] = elements
        return self._memory[key]

    def _run(self, movement: Movement, elements: Elements) -> None:
        """Apply a movement to what stands for the elements of a memory."""
        if movement.step is not None:
            self._run_step(movement, movement.step, elements)
            return
        sources = self._sources(movement)
        for source in sources.values():
            elements.add_factors(source.factors)
        sources[movement.out.storage] = elements
        terms = [one.term for one in sources.values() if one.term is not None]
        _move(movement, elements.origin, {key: one.origin for key, one in sources.items()})
        if terms:
            dtype = terms[0].dtype
            into = elements.terms(dtype)
            _move(movement, into, {key: one.terms(dtype) for key, one in sources.items()})

    def _sources(self, movement: Movement) -> dict[int, Elements]:
        """Return what is known about the memories from which a movement took elements."""
        pieces: list[Piece] = []
        for x in movement.args:
            pieces += [y for y in (x if isinstance(x, list) else [x]) if isinstance(y, Piece)]
        own = movement.out.storage
        return {x.storage: self._elements(x, movement.time) for x in pieces if x.storage != own}

    def _run_step(self, movement: Movement, step: Step, elements: Elements) -> None:
        piece, out = movement.args[0], movement.out
        source = elements
        if piece.storage != out.storage:
            source = self._elements(piece, movement.time)
        elif isinstance(step, Scaling) and piece.layout.numel != piece.size:
            raise Unreadable("a part of its scores was scaled")
        after = stepped(source, piece.layout, step)
        if source is elements:
            elements.factors = after.factors
        else:
            elements.add_factors(after.factors)
        out.view(elements.origin).copy_(after.origin)
        if after.term is not None:
            out.view(elements.terms(after.term.dtype)).copy_(after.term)


def _move(movement: Movement, into: Tensor, sources: Mapping[int, Tensor]) -> None:
    """Move what stands for elements in the way an operator moved the elements.

    Args:
        movement: the operator.
        into: what stands for the memory that it wrote to.
        sources: what stands for each memory that it read.

    Raises:
        Unreadable: it is not known where they went.
    """

    def own(x: Any) -> Any:
        if isinstance(x, list | tuple):
            return [own(one) for one in x]
        return x.view(sources[x.storage]) if isinstance(x, Piece) else x

    name, out = movement.name, movement.out.view(into)
    args = [own(x) for x in movement.args]
    if any(
        UNKNOWN_INDEX in x if isinstance(x, list) else x is UNKNOWN_INDEX for x in movement.args
    ):
        raise Unreadable("it was assembled by an index that is too large to keep")
    if name in ("clone", "_to_copy"):
        out.copy_(args[0])
    elif name == "copy":
        out.copy_(args[1])
    elif name == "index_put":
        torch.ops.aten.index_put_.default(out, args[1], args[2])
    elif name == "constant_pad_nd":
        fill = 0 if into.is_floating_point() else CONSTANT
        out.copy_(torch.constant_pad_nd(args[0], args[1], fill))
    elif name == "index":
        out.copy_(torch.ops.aten.index.Tensor(args[0], args[1]))
    else:
        out.copy_(getattr(torch, name)(*args))


def stepped(elements: Elements, layout: Layout, step: Step) -> Elements:
    """Return what is known about elements with a layout after a step, in that layout.

    Raises:
        Unreadable: the step is not one of those that elements of several products can share.
    """
    if isinstance(step, UnknownStep):
        raise Unreadable(step.why)
    place = (layout.shape, layout.stride, layout.offset)
    origin = elements.origin.as_strided(*place)
    term = None if elements.term is None else elements.term.as_strided(*place)
    factors = elements.factors
    if isinstance(step, Scaling):
        factors = {number: factor * step.factor for number, factor in factors.items()}
        term = None if term is None else term * step.factor
    elif isinstance(step, Addition):
        dtype = torch.float64 if step.term.dtype == torch.float64 else torch.float32
        addend = (step.term.detach().to(dtype) * step.factor).cpu()
        term = addend.expand(origin.shape) if term is None else term + addend
    elif isinstance(step, Fill):
        where = ~step.where if step.inverted else step.where
        origin = origin.masked_fill(where.cpu(), CONSTANT)
    elif not isinstance(step, Copy | Shift):
        raise Unreadable(f"scores of several products went through a {type(step).__name__}")
    return Elements(origin, term, factors)
