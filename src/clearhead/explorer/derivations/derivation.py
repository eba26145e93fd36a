"""How one number of a step follows from others: an expression, and where its operands lie.

Nothing here computes. A `Derivation` is a declared `Rule` at one step of one model: its paths are
those of that step, its numbers those of the model's config. The front end fetches the operands
as windows of arrays, shows the formula with them, and writes a Python snippet that asserts the
number; `clearhead.explorer.derivations.snippet` does the same in Python.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from ...reference.tracing.step_kind import Index

if TYPE_CHECKING:
    from ..contract.derivation_answers import (
        DerivationAnswer,
        IndexEntry,
        Label,
        Operand,
        ScalarIndex,
        WhenAxis,
        WhenReplaced,
    )


@dataclass(frozen=True)
class OperandLabel:
    """What an operand is: the key of a text in the page's word tables, and what the text names."""

    key: str
    name: str = ""

    def to_json(self) -> Label:
        """Return the label as the front end reads it."""
        return {"key": self.key, "name": self.name} if self.name else {"key": self.key}


@dataclass(frozen=True)
class BoundOperand:
    """A symbol of an expression and where its value comes from, which is one of three.

    Attributes:
        symbol: its name in the expression.
        label: what it is.
        path, index: a slice of a step or weight: one `Index` for each axis.
        scalar: an integer that follows from the index of the explained number.
        constant: a number of the model's config or of an edit.
    """

    symbol: str
    label: OperandLabel
    path: str | None = None
    index: tuple[Index, ...] = ()
    scalar: Index | None = None
    constant: float | None = None

    def to_json(self) -> Operand:
        """Return the operand as the front end reads it."""
        symbol, label = self.symbol, self.label.to_json()
        if self.path is not None:
            index = cast("list[IndexEntry]", list(self.index))
            return {"symbol": symbol, "label": label, "path": self.path, "index": index}
        if self.scalar is not None:
            return {"symbol": symbol, "label": label, "scalar": cast("ScalarIndex", self.scalar)}
        assert self.constant is not None
        return {"symbol": symbol, "label": label, "constant": self.constant}


@dataclass(frozen=True)
class Derivation:
    """How an element of a step follows from its operands.

    Attributes:
        expression: Python over the symbols, with ``np`` and, for the error function, ``math``;
            None for an input, which follows from nothing.
        operands: what the symbols stand for.
        when: for which elements it holds; None for all. ``{"axis", "mod", "equals"}``, with
            ``"floordiv"`` before ``mod``: (index[axis] // floordiv) % mod == equals.
            ``{"replaced": true}``: where the step was replaced, with ``"index"`` at these places
            alone: one for each axis, None for all of it.
    """

    expression: str | None
    operands: tuple[BoundOperand, ...] = ()
    when: WhenAxis | WhenReplaced | None = None

    def to_json(self) -> DerivationAnswer:
        """Return the derivation as the front end reads it."""
        json: dict[str, object] = {} if self.when is None else {"when": self.when}
        json["expression"] = self.expression
        if self.expression is None:
            json["given"] = True
        json["operands"] = [operand.to_json() for operand in self.operands]
        return cast("DerivationAnswer", json)


SET_BY_YOU = "set by you"
INPUT = Derivation(None)
EDIT = Derivation(SET_BY_YOU, when={"replaced": True})


def array(symbol: str, label: str, path: str, index: Sequence[Index]) -> BoundOperand:
    """Return an operand that is a slice of a step or, for a path ``weights/NAME``, of a weight."""
    return BoundOperand(symbol, OperandLabel(label), path=path, index=tuple(index))


def scalar(symbol: str, label: str, value: Index) -> BoundOperand:
    """Return an operand that is an integer, from the index of the explained element."""
    return BoundOperand(symbol, OperandLabel(label), scalar=value)


def constant(symbol: str, label: str, value: float) -> BoundOperand:
    """Return an operand that is a number of the config, or of an edit; a whole one is an int."""
    whole = int(value) if float(value).is_integer() else value
    return BoundOperand(symbol, OperandLabel(label), constant=whole)
