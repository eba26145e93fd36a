"""The derivation of a number of a step: an expression, and the places of its operands.

Nothing is computed here. A `Derivation` is a declared `Rule` applied to one step of one model: with
the paths of that step, and the numbers of the model's config. The front end fetches the operands as
windows of arrays, shows the formula with them, and writes a Python snippet that asserts the number;
`clearhead.explorer.derivations.snippet` does the same in Python.
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
    """The description of an operand: the key of a text in the page's tables, and its argument."""

    key: str
    name: str = ""

    def to_json(self) -> Label:
        """Return the label in the form that the front end reads."""
        return {"key": self.key, "name": self.name} if self.name else {"key": self.key}


@dataclass(frozen=True)
class BoundOperand:
    """A symbol of an expression and the source of its value, which is one of three.

    Attributes:
        symbol: its name in the expression.
        label: its description.
        path, index: a slice of a step or weight: one `Index` for each axis.
        scalar: an integer computed from the index of the explained number.
        constant: a number of the model's config or of an edit.
    """

    symbol: str
    label: OperandLabel
    path: str | None = None
    index: tuple[Index, ...] = ()
    scalar: Index | None = None
    constant: float | None = None

    def to_json(self) -> Operand:
        """Return the operand in the form that the front end reads."""
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
    """The formula of a step's elements.

    Attributes:
        expression: Python over the symbols, with ``np`` and, for the error function, ``math``;
            None for an input, which has no formula.
        operands: the values of the symbols.
        when: the elements that it holds for; None for all. ``{"axis", "mod", "equals"}``, with
            ``"floordiv"`` before ``mod``: (index[axis] // floordiv) % mod == equals.
            ``{"replaced": true}``: where the step was replaced; with ``"index"`` only at these
            places: one for each axis, None for the whole axis.
    """

    expression: str | None
    operands: tuple[BoundOperand, ...] = ()
    when: WhenAxis | WhenReplaced | None = None

    def to_json(self) -> DerivationAnswer:
        """Return the derivation in the form that the front end reads."""
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
    """Return an operand that is a slice of a step, or of a weight (path ``weights/NAME``)."""
    return BoundOperand(symbol, OperandLabel(label), path=path, index=tuple(index))


def scalar(symbol: str, label: str, value: Index) -> BoundOperand:
    """Return an operand that is an integer, computed from the index of the explained element."""
    return BoundOperand(symbol, OperandLabel(label), scalar=value)


def constant(symbol: str, label: str, value: float) -> BoundOperand:
    """Return an operand that is a number of the config or of an edit; whole numbers become int."""
    whole = int(value) if float(value).is_integer() else value
    return BoundOperand(symbol, OperandLabel(label), constant=whole)
