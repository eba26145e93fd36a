"""Notes the operators by which models move the elements of tensors.

Operators that move numbers (copies, pads, concatenations, gathers, writes into a part of a buffer)
are noted as they run, without any arithmetic. Only if a softmax turns out to be over scores that
were assembled in this way are they run again (`_replay`), on numbers that say where each element
came from.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef

from .._nodes import Layout, Step, storage_of

# Which arguments of an operator are moved; the others say where they are moved.
_PLACES = {
    "clone": (0,), "_to_copy": (0,), "constant_pad_nd": (0,), "index": (0,), "gather": (0,),
    "index_select": (0,), "flip": (0,), "cat": (0,), "stack": (0,), "copy": (0, 1),
    "index_put": (0, 2),
}  # fmt: skip
_CAPACITY = 1024
_LARGEST_INDEX = 1 << 22
UNKNOWN_INDEX = "unknown"
"""Stands for an index that is too large to keep."""


class Piece:
    """A tensor, described by its memory, its place in it, and its size.

    Many are made while a model runs and few are read, so nothing is computed in advance.
    """

    __slots__ = ("_offset", "_shape", "_stride", "reference", "size", "storage")

    def __init__(self, x: Tensor) -> None:
        memory = x.untyped_storage()
        self.storage: int = memory._cdata
        self.size = memory.nbytes() // x.element_size()
        self.reference = StorageWeakRef(memory)
        self._shape, self._stride, self._offset = x.shape, x.stride(), x.storage_offset()

    @classmethod
    def of(cls, x: Tensor) -> Piece:
        """Return the description of a tensor."""
        return cls(x)

    @property
    def layout(self) -> Layout:
        """The place of the elements in the memory."""
        return Layout(tuple(self._shape), tuple(self._stride), int(self._offset))

    def view(self, memory: Tensor) -> Tensor:
        """Return the view of this tensor, in numbers that stand for its memory."""
        return memory.as_strided(self.layout.shape, self.layout.stride, self.layout.offset)


@dataclass(eq=False)
class Movement:
    """An operator that moved elements, or changed them in place.

    Attributes:
        time: a number that increases with every movement.
        name: of the operator.
        args: its arguments; tensors that were moved are pieces.
        out: its result.
        step: what it did to scores, if it changed them.
    """

    time: int
    name: str
    args: tuple[Any, ...]
    out: Piece
    step: Step | None = None


class Movements:
    """The operators that moved elements, by the memory that they wrote to."""

    def __init__(self) -> None:
        self._by_storage: dict[int, list[Movement]] = {}
        self._order: deque[Movement] = deque()
        self._time = 0

    def __len__(self) -> int:
        return len(self._order)

    def note(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], out: Any) -> None:
        """Note an operator that may have moved elements, after it ran.

        Args:
            name: of the operator, without a trailing underscore.
            args, kwargs, out: what it was called with, and what it returned.
        """
        places = _PLACES.get(name)
        if places is None or not isinstance(out, Tensor) or not out.is_floating_point():
            return
        if name in ("cat", "stack") and len(args) == 1:
            args = (*args, kwargs.get("dim", 0))
        if name == "index_put" and (kwargs.get("accumulate") or (len(args) > 3 and args[3])):
            return
        own = tuple(_piece(x) if i in places else _index(x) for i, x in enumerate(args))
        if name in ("clone", "_to_copy"):
            own = own[:1]
        self._add(Movement(self._time, name, own, Piece.of(out)))

    def note_step(self, step: Step, scores: Tensor, out: Tensor) -> None:
        """Note a step that changed scores or weights, in place or into new memory."""
        self._add(Movement(self._time, "", (Piece.of(scores),), Piece.of(out), step))

    def _add(self, movement: Movement) -> None:
        self._time += 1
        self._by_storage.setdefault(movement.out.storage, []).append(movement)
        self._order.append(movement)
        while len(self._order) > _CAPACITY:
            old = self._order.popleft()
            one = self._by_storage[old.out.storage]
            one.remove(old)
            if not one:
                del self._by_storage[old.out.storage]

    def before(self, storage: int, time: int | None) -> list[Movement]:
        """Return the movements into a memory before a time; None stands for now."""
        movements = self._by_storage.get(storage, [])
        return [one for one in movements if time is None or one.time < time]

    def gathers(self, storage: int, depth: int = 6) -> bool:
        """Return whether a memory has elements that were gathered within the last few movements."""
        for movement in self._by_storage.get(storage, ()) if depth else ():
            if movement.name == "gather":
                return True
            flat = [y for x in movement.args for y in (x if isinstance(x, list) else [x])]
            sources = {x.storage for x in flat if isinstance(x, Piece)} - {storage}
            if any(self.gathers(source, depth - 1) for source in sources):
                return True
        return False

    def copy_before_a_write(self, storage: int) -> None:
        """Copy what steps refer to in memory that the model is about to write to."""
        for movement in self._order:
            for name, value in vars(movement.step).items() if movement.step else ():
                if isinstance(value, Tensor) and storage_of(value) == storage:
                    setattr(movement.step, name, value.detach().clone())

    def clear(self) -> None:
        """Forget all movements."""
        self._by_storage.clear()
        self._order.clear()


def _piece(x: Any) -> Any:
    if isinstance(x, list | tuple):
        return [_piece(one) for one in x]
    return Piece.of(x) if isinstance(x, Tensor) else x


def _index(x: Any) -> Any:
    """Return a copy of an argument that says where elements go, so that nothing overwrites it."""
    if isinstance(x, list | tuple):
        return [_index(one) for one in x]
    if not isinstance(x, Tensor):
        return x
    return x.detach().cpu().clone() if x.numel() <= _LARGEST_INDEX else UNKNOWN_INDEX
