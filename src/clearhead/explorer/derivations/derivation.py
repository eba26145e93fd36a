"""How one number of a step follows from others: an expression, and where its operands lie.

Nothing here computes. A `Derivation` is declarative, so that the front end can fetch the operands
as windows of arrays, show the formula with them, and write a Python snippet that asserts the
number; `clearhead.explorer.derivations.snippet` does the same in Python.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

# One axis of an operand, or an integer, as it follows from the index of the explained number:
#   3                                     that entry
#   ":"                                   the whole axis
#   {"axis": 1, "times": a, "floordiv": b, "mod": c, "plus": d}
#                                         ((index[1] * a) // b) % c + d
#   {"sum": [one of these, ...]}          their sum
#   {"value_of": {"path": ..., "index": [...]}}
#                                         an entry of a step of integers
Index: TypeAlias = "int | str | dict[str, Any]"

ALL = ":"


@dataclass(frozen=True)
class Label:
    """What an operand is, for people, in both languages of the explorer."""

    en: str
    pt: str


@dataclass(frozen=True)
class Operand:
    """A symbol of an expression and where its value comes from, which is one of three.

    Attributes:
        symbol: its name in the expression.
        label: what it is.
        path, index: a slice of a step or weight: one `Index` for each axis.
        scalar: an integer that follows from the index of the explained number.
        constant: a number of the model's config or of an edit.
    """

    symbol: str
    label: Label
    path: str | None = None
    index: tuple[Index, ...] = ()
    scalar: Index | None = None
    constant: float | None = None

    def to_json(self) -> dict[str, Any]:
        """As the front end reads it."""
        json: dict[str, Any] = {"symbol": self.symbol, "label": vars(self.label)}
        if self.path is not None:
            return {**json, "path": self.path, "index": list(self.index)}
        if self.scalar is not None:
            return {**json, "scalar": self.scalar}
        return {**json, "constant": self.constant}


@dataclass(frozen=True)
class Derivation:
    """How an element of a step follows from its operands.

    Attributes:
        expression: Python over the symbols, with ``np`` and, for the error function, ``math``;
            None for what is given and follows from nothing.
        operands: what the symbols stand for.
        when: for which elements it holds; None for all. ``{"axis", "mod", "equals"}``, with
            ``"floordiv"`` before ``mod``: (index[axis] // floordiv) % mod == equals.
            ``{"replaced": true}``: where the step was replaced, with ``"index"`` at these places
            alone: one for each axis, None for all of it.
    """

    expression: str | None
    operands: tuple[Operand, ...] = ()
    when: dict[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """As the front end reads it."""
        json: dict[str, Any] = {} if self.when is None else {"when": self.when}
        json["expression"] = self.expression
        if self.expression is None:
            json["given"] = True
        json["operands"] = [operand.to_json() for operand in self.operands]
        return json


SET_BY_YOU = "set by you"
GIVEN = Derivation(None)
REPLACED = Derivation(SET_BY_YOU, when={"replaced": True})


def axis(number: int, **change: int) -> Index:
    """The explained element's own index on an axis, changed by times, floordiv, mod and plus."""
    return {"axis": number, **change}


def same(*axes: int) -> tuple[Index, ...]:
    """The explained element's own index on these axes."""
    return tuple(axis(number) for number in axes)


def array(symbol: str, en: str, pt: str, path: str, index: Sequence[Index]) -> Operand:
    """An operand that is a slice of a step or, with a path ``weights/NAME``, of a weight."""
    return Operand(symbol, Label(en, pt), path=path, index=tuple(index))


def scalar(symbol: str, en: str, pt: str, value: Index) -> Operand:
    """An operand that is an integer, from the index of the explained element."""
    return Operand(symbol, Label(en, pt), scalar=value)


def constant(symbol: str, en: str, pt: str, value: float) -> Operand:
    """An operand that is a number of the config, or of an edit; a whole one is an int."""
    whole = int(value) if float(value).is_integer() else value
    return Operand(symbol, Label(en, pt), constant=whole)


def linear(inputs: Operand, name: str, row: Index, *, bias: bool, symbol: str = "x") -> Derivation:
    """One entry of x W^T + b.

    Args:
        inputs: the operand that the weight's row is multiplied with.
        name: of the layer, such as ``encoder.layers.0.feed_forward.up``.
        row: which row of the weight.
        bias: whether the layer has one.
        symbol: that of ``inputs``.
    """
    short = name.rpartition(".")[2]
    operands = [
        inputs,
        array(
            "w",
            f"row of the weight matrix '{short}' that makes this entry",
            f"linha da matriz de pesos '{short}' que faz esta entrada",
            f"weights/{name}.weight",
            (row, ALL),
        ),
    ]
    if not bias:
        return Derivation(f"{symbol} @ w", tuple(operands))
    entry = array(
        "b",
        f"its entry of the bias '{short}'",
        f"a sua entrada do viés '{short}'",
        f"weights/{name}.bias",
        (row,),
    )
    return Derivation(f"{symbol} @ w + b", (*operands, entry))


def softmax(inputs: Operand, position: Operand, *, guarded: bool = False) -> Derivation:
    """One share of a softmax over a row.

    Args:
        inputs: the row.
        position: which entry of it.
        guarded: whether a row may be nothing but -inf, whose shares are 0.
    """
    m, j = inputs.symbol, position.symbol
    shares = f"np.exp({m} - {m}.max())"
    expression = f"{shares}[{j}] / {shares}.sum()"
    if guarded:
        expression = f"0.0 if np.isneginf({m}).all() else {expression}"
    return Derivation(expression, (inputs, position))
