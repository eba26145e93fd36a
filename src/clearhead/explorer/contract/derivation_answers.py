"""The types of derivations in the answer to ``run``; `clearhead.explorer.derivations` makes them.

An index says which entry of an operand's axis is meant, from the index of the explained number.
"""

from __future__ import annotations

from typing import Literal, NotRequired

from typing_extensions import TypeAliasType, TypedDict


class AxisIndex(TypedDict):
    """((index[axis] * times) // floordiv) % mod + plus, of the index of the explained number."""

    axis: int
    times: NotRequired[int]
    plus: NotRequired[int]
    floordiv: NotRequired[int]
    mod: NotRequired[int]


class SumIndex(TypedDict):
    """The sum of several."""

    sum: list[ScalarIndex]


ScalarIndex = TypeAliasType("ScalarIndex", int | AxisIndex | SumIndex)


class ElementOf(TypedDict):
    """An element of a step of integers."""

    path: str
    index: list[IndexEntry]


class ValueIndex(TypedDict):
    """The value of an element of a step of integers."""

    value_of: ElementOf


IndexEntry = TypeAliasType("IndexEntry", ScalarIndex | Literal[":"] | ValueIndex)


class Label(TypedDict):
    """What an operand is: a key of the page's table of words, and the name that the words take."""

    key: str
    name: NotRequired[str]


class ArrayOperand(TypedDict):
    """An operand that is a slice of a step or, with a path ``weights/NAME``, of a weight."""

    symbol: str
    label: Label
    path: str
    index: list[IndexEntry]


class ScalarOperand(TypedDict):
    """An operand that is an integer, which follows from the index of the explained number."""

    symbol: str
    label: Label
    scalar: ScalarIndex


class ConstantOperand(TypedDict):
    """An operand that is a number of the model's config or of an edit."""

    symbol: str
    label: Label
    constant: float


Operand = TypeAliasType("Operand", ArrayOperand | ScalarOperand | ConstantOperand)


class WhenAxis(TypedDict):
    """Holds where (index[axis] // floordiv) % mod == equals."""

    axis: int
    floordiv: NotRequired[int]
    mod: NotRequired[int]
    equals: int


class WhenReplaced(TypedDict):
    """Holds for replaced elements: at these places alone, None standing for all of an axis."""

    replaced: Literal[True]
    index: NotRequired[list[int | None]]


class DerivationAnswer(TypedDict):
    """How an element of a step follows from its operands.

    Attributes:
        when: for which elements it holds; missing for all.
        expression: Python over the symbols, ``np`` and ``math``; None for what is given.
        given: that it follows from nothing.
    """

    when: NotRequired[WhenAxis | WhenReplaced]
    expression: str | None
    given: NotRequired[Literal[True]]
    operands: list[Operand]
