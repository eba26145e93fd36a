"""The methods that add edits: ``edits[name].head(2).value.at(3).zero()``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from ..errors import ConfigError
from .edits import HEADS, KEY, OUTPUT, QUERY, VALUE, Change, EdgeEdit, Edit, TensorEdit
from .positions import Positions

Heads = int | Iterable[int]
_ALL = Positions()


class Verbs(Protocol):
    """The possible changes of tensors, or of arrays of ours."""

    def zero(self) -> Change:
        """Numbers become 0."""

    def scale(self, factor: Any) -> Change:
        """Numbers are multiplied by a factor."""

    def apply(self, function: Callable[[Any], Any]) -> Change:
        """Numbers become what a function returns for them."""

    def substitute(self, values: Any) -> Change:
        """Numbers become others."""

    def mean_of(self, recording: Any) -> Change:
        """Numbers become their mean over the texts and positions of a recording."""

    def patch_of(self, recording: Any) -> Change:
        """Numbers become those that a recording has at the same positions."""


class Register(Protocol):
    """Takes the edits that are added.

    Attributes:
        verbs: the possible changes of its model's numbers.
    """

    verbs: Verbs

    def add(self, choice: str | int, edit: Edit) -> None:
        """Add an edit of the modules that match a name, a pattern or a number."""


@dataclass(frozen=True)
class Part:
    """A tensor of a module, or of its attention, to be edited.

    Each of its methods adds an edit, which is applied whenever the module runs, after the edits
    that were added before. Edits are part of the computation, so gradients go through them.
    """

    register: Register
    choice: str | int
    part: str = OUTPUT
    head_numbers: tuple[int, ...] | None = None
    positions: Positions = _ALL

    def at(self, positions: Any) -> Part:
        """Limit the edit to positions: a number, a slice or several numbers.

        They count from the first token, including tokens in a cache; for keys and values they are
        the positions of keys.

        Raises:
            ConfigError: a position is negative, or there is none.
        """
        ends = self.register, self.choice, self.part, self.head_numbers
        return Part(*ends, Positions.of(positions))

    def zero(self) -> None:
        """Set the numbers to 0."""
        self._add("zero()", self.register.verbs.zero())

    def scale(self, factor: Any) -> None:
        """Multiply the numbers by a factor."""
        self._add(f"scale({_brief(factor)})", self.register.verbs.scale(factor))

    def set(self, values: Any) -> None:
        """Replace the numbers by a number, or by a tensor that can be expanded to their shape.

        For a part of an attention the shape is [batch, heads, positions, head_dim], with the
        selected heads and positions.
        """
        self._add(f"set({_brief(values)})", self.register.verbs.substitute(values))

    def mean(self, recording: Any) -> None:
        """Replace the numbers by their mean over the texts and positions of a recording.

        Args:
            recording: from `clearhead.record` with ``outputs=[...]``; for a model of ours, a
                `clearhead.Trace`.

        Raises:
            ConfigError: the recording does not hold them.
        """
        self._add("mean(recording)", self.register.verbs.mean_of(recording))

    def patch(self, recording: Any, positions: Any = None) -> None:
        """Replace the numbers by those of a recording at the same positions.

        Args:
            recording: as in :meth:`mean`.
            positions: as in :meth:`at`; None for the selected ones, or all.

        Raises:
            ConfigError: the recording does not hold them.
        """
        place = self if positions is None else self.at(positions)
        place._add("patch(recording)", self.register.verbs.patch_of(recording))

    def apply(self, function: Callable[[Any], Any]) -> None:
        """Replace the numbers by the result of a function.

        Args:
            function: gets the tensor, with its gradient, or a copy of an array of ours, and returns
                one of the same shape; to observe only, it can return its argument.
        """
        name = getattr(function, "__name__", type(function).__name__)
        self._add(f"apply({name})", self.register.verbs.apply(function))

    def _add(self, words: str, change: Change) -> None:
        edit = TensorEdit(
            f"{self._words()}.{words}", self.head_numbers, self.part, change, self.positions
        )
        self.register.add(self.choice, edit)

    def _words(self) -> str:
        words = f"edits[{self.choice!r}]"
        if self.head_numbers is not None:
            words += f".head({_brief(self.head_numbers)})"
        if self.part != HEADS:
            words += f".{self.part}"
        return words if self.positions.is_all else f"{words}.at({self.positions})"


@dataclass(frozen=True)
class Edges:
    """The weights of some queries on some keys, to be removed."""

    register: Register
    choice: str | int
    queries: Positions
    keys: Positions
    head_numbers: tuple[int, ...] | None = None

    def remove(self) -> None:
        """Mask the edges before the softmax, so that the other weights of a query are renormalised.

        A query left without any key has weights of 0, and so an output of 0. If the model hides
        other keys by a number such as -1e9, the query attends to those evenly instead.
        """
        self._add("remove()", renormalise=True)

    def zero(self) -> None:
        """Set the weights to 0 after the softmax: the other weights stay as they are."""
        self._add("zero()", renormalise=False)

    def _add(self, words: str, *, renormalise: bool) -> None:
        head = "" if self.head_numbers is None else f".head({_brief(self.head_numbers)})"
        start = f"edits[{self.choice!r}]{head}.edge({self.queries}; {self.keys})"
        edit = EdgeEdit(f"{start}.{words}", self.head_numbers, self.queries, self.keys, renormalise)
        self.register.add(self.choice, edit)


@dataclass(frozen=True)
class HeadPart(Part):
    """Heads of an attention: their outputs, which are slices of what the kernel returns.

    These are [batch, heads, queries, head_dim], before they are projected.
    """

    part: str = HEADS

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

    @property
    def output(self) -> Part:
        """The heads' outputs, which are also edited without naming them."""
        return self

    def edge(self, queries: Any, keys: Any) -> Edges:
        """Return the weights of some queries on some keys.

        Args:
            queries, keys: positions: a number, a slice, several numbers, or None for all.

        Raises:
            ConfigError: a position is negative, or there is none.
        """
        ends = Positions.of(queries, "queries"), Positions.of(keys, "keys")
        return Edges(self.register, self.choice, *ends, self.head_numbers)

    def _part(self, part: str) -> Part:
        return Part(self.register, self.choice, part, self.head_numbers)


class ModulePart(HeadPart):
    """A module: all heads of the attention that it computes, and what it returns."""

    @property
    def output(self) -> Part:
        """What the module returns: the first tensor, and for an attention the projected output."""
        return self._part(OUTPUT)

    def head(self, numbers: Heads) -> HeadPart:
        """Return one or several heads of the module's attention.

        Raises:
            ConfigError: a number is negative, or there is none.
        """
        heads = (numbers,) if isinstance(numbers, int) else tuple(numbers)
        if not heads or any(not isinstance(h, int) or isinstance(h, bool) or h < 0 for h in heads):
            raise ConfigError(f"Heads are numbers from 0, at least one; got {list(heads)}.")
        return HeadPart(self.register, self.choice, HEADS, tuple(sorted(set(heads))))


class Edits(ABC):
    """The edits of one ``with`` block: ``edits[name]`` is a module to be edited.

    Its methods edit all heads of the module's attention; ``edits[name].output`` is what it returns.
    A name is a module's, a pattern such as ``"*.self_attn"`` for several of them, or the number of
    an attention, in the order in which they first run.
    """

    verbs: Verbs

    def __getitem__(self, choice: str | int) -> ModulePart:
        """Return a module, to be edited.

        Raises:
            ConfigError: there is no module of the name.
        """
        if not isinstance(choice, int):
            self.check_name(choice)
        elif choice < 0:
            raise ConfigError(
                "Attentions are numbered from 0 in the order of their first calls, so none can be "
                f"counted from the end; got {choice}."
            )
        return ModulePart(self, choice)

    @abstractmethod
    def check_name(self, choice: str) -> None:
        """Check that a name or a pattern matches modules.

        Raises:
            ConfigError: there is no module of the name.
        """

    @abstractmethod
    def add(self, choice: str | int, edit: Edit) -> None:
        """Add an edit of the modules that match a name, a pattern or a number."""


def _brief(value: Any) -> str:
    shape = getattr(value, "shape", None)
    if shape is not None:
        what = "array" if type(value).__module__ == "numpy" else "tensor"
        return f"{what} of the shape {list(shape)}" if len(shape) else f"{float(value):g}"
    if isinstance(value, tuple):
        return str(value[0]) if len(value) == 1 else str(list(value))
    return repr(value) if isinstance(value, int | float) else type(value).__name__
