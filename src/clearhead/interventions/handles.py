"""The words in which edits are asked for: ``edits[name].head(2).value.at(3).zero()``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from torch import Tensor

from ..errors import ConfigError
from ..maps.recording.recording import Recording
from . import changes
from .edits import HEADS, KEY, OUTPUT, QUERY, VALUE, Change, EdgeEdit, Edit, TensorEdit
from .positions import Positions

Heads = int | Iterable[int]
_ALL = Positions()


class Register(Protocol):
    """Takes the edits that are asked for."""

    def add(self, choice: str | int, edit: Edit) -> None:
        """Add an edit of the modules that a name, a pattern or a number stands for."""


@dataclass(frozen=True)
class Part:
    """A tensor of a module, or of its attention, to be edited.

    Each of its methods adds an edit, which is applied whenever the module runs, after the edits
    that were added before. Numbers are edited as they are in the computation, gradients included.
    """

    register: Register
    choice: str | int
    part: str = OUTPUT
    heads_chosen: tuple[int, ...] | None = None
    positions: Positions = _ALL

    def at(self, positions: Any) -> Part:
        """Limit the edit to positions: a number, a slice or several numbers.

        They count from the first token, those in a cache included; of keys and values they are the
        positions of keys.

        Raises:
            ConfigError: a position is negative, or there is none.
        """
        return replace(self, positions=Positions.of(positions))

    def zero(self) -> None:
        """Set the numbers to 0."""
        self._add("zero()", changes.zero())

    def scale(self, factor: float | Tensor) -> None:
        """Multiply the numbers by a factor."""
        self._add(f"scale({_brief(factor)})", changes.scale(factor))

    def set(self, values: Any) -> None:
        """Put other numbers in their place: a number, or what can be expanded to their shape.

        For a part of an attention that is [batch, heads, positions, head_dim], with the heads and
        positions that were chosen.
        """
        self._add(f"set({_brief(values)})", changes.substitute(values))

    def mean(self, recording: Recording) -> None:
        """Put their mean over the texts and positions of a recording in their place.

        Raises:
            ConfigError: the recording does not hold them.
        """
        from .recorded import mean_of

        self._add("mean(recording)", mean_of(recording))

    def patch(self, recording: Recording, positions: Any = None) -> None:
        """Put the numbers of a recording in their place, those of the same positions.

        Args:
            recording: what `clearhead.record` made with ``outputs=[...]``.
            positions: as of :meth:`at`; None for those that were chosen, or all.

        Raises:
            ConfigError: the recording does not hold them.
        """
        from .recorded import patch_of

        place = self if positions is None else self.at(positions)
        place._add("patch(recording)", patch_of(recording))

    def apply(self, function: Callable[[Tensor], Tensor]) -> None:
        """Put in their place what a function returns for them.

        Args:
            function: gets the tensor, with its gradient, and returns one of the same shape; it may
                also only look at it, and return it as it is.
        """
        name = getattr(function, "__name__", type(function).__name__)
        self._add(f"apply({name})", changes.apply(function))

    def _add(self, words: str, change: Change) -> None:
        edit = TensorEdit(
            f"{self._words()}.{words}", self.heads_chosen, self.part, change, self.positions
        )
        self.register.add(self.choice, edit)

    def _words(self) -> str:
        words = f"edits[{self.choice!r}]"
        if self.part != OUTPUT:
            words += (
                ".heads" if self.heads_chosen is None else f".head({_brief(self.heads_chosen)})"
            )
        if self.part not in (OUTPUT, HEADS):
            words += f".{self.part}"
        return words if self.positions.is_all else f"{words}.at({self.positions})"


@dataclass(frozen=True)
class Edges:
    """The weights of some queries on some keys, to be removed."""

    register: Register
    choice: str | int
    queries: Positions
    keys: Positions
    heads_chosen: tuple[int, ...] | None = None

    def remove(self) -> None:
        """Mask the edges before the softmax: the other weights of a query fill the gap.

        A query that is left without any key has weights of 0, and so an output of 0, unless the
        model hides the other keys by a number such as -1e9, with which it attends to them evenly.
        """
        self._add("remove()", renormalise=True)

    def zero(self) -> None:
        """Set the weights to 0 after the softmax: the other weights stay as they are."""
        self._add("zero()", renormalise=False)

    def _add(self, words: str, *, renormalise: bool) -> None:
        head = "" if self.heads_chosen is None else f".head({_brief(self.heads_chosen)})"
        start = f"edits[{self.choice!r}]{head}.edge({self.queries}; {self.keys})"
        edit = EdgeEdit(f"{start}.{words}", self.heads_chosen, self.queries, self.keys, renormalise)
        self.register.add(self.choice, edit)


@dataclass(frozen=True)
class AttentionPart(Part):
    """The output of a module, or of heads of its attention, and what else an attention has."""

    @property
    def query(self) -> Part:
        """Queries as the attention gets them: [batch, heads, queries, head_dim]."""
        return self._part(QUERY)

    @property
    def key(self) -> Part:
        """Keys as each head reads them: [batch, heads, keys, head_dim], cached ones included."""
        return self._part(KEY)

    @property
    def value(self) -> Part:
        """Values as each head reads them: [batch, heads, keys, head_dim], cached ones included."""
        return self._part(VALUE)

    def edge(self, queries: Any, keys: Any) -> Edges:
        """Return the weights of some queries on some keys.

        Args:
            queries, keys: positions: a number, a slice, several numbers, or None for all.

        Raises:
            ConfigError: a position is negative, or there is none.
        """
        ends = Positions.of(queries, "queries"), Positions.of(keys, "keys")
        return Edges(self.register, self.choice, *ends, self.heads_chosen)

    def _part(self, part: str) -> Part:
        return Part(self.register, self.choice, part, self.heads_chosen, self.positions)


class ModulePart(AttentionPart):
    """A module: its output, and the heads of the attention that it computes."""

    @property
    def output(self) -> Part:
        """The module's output, of several the first tensor; an edit without this is of it, too."""
        return self

    @property
    def heads(self) -> HeadPart:
        """All heads of the module's attention."""
        return HeadPart(self.register, self.choice, HEADS)

    def head(self, numbers: Heads) -> HeadPart:
        """Return one or several heads of the module's attention.

        Raises:
            ConfigError: a number is negative, or there is none.
        """
        heads = (numbers,) if isinstance(numbers, int) else tuple(numbers)
        if not heads or any(not isinstance(h, int) or isinstance(h, bool) or h < 0 for h in heads):
            raise ConfigError(f"Heads are numbers from 0, at least one; got {list(heads)}.")
        return HeadPart(self.register, self.choice, HEADS, tuple(sorted(set(heads))))


class HeadPart(AttentionPart):
    """Heads of an attention: their outputs, which are slices of what the kernel returns."""

    @property
    def output(self) -> Part:
        """The heads' outputs, [batch, heads, queries, head_dim], before they are projected."""
        return self


def _brief(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"tensor of the shape {list(value.shape)}" if value.ndim else f"{float(value):g}"
    if isinstance(value, tuple):
        return str(value[0]) if len(value) == 1 else str(list(value))
    return repr(value) if isinstance(value, int | float) else type(value).__name__
