"""What a kind of step is: its formula, its operands, its axes and what it is for.

Nothing here computes, and nothing here needs NumPy. `clearhead.reference.tracing.steps` declares
every kind of step that the reference records; whoever shows, explains or stores steps reads that
declaration and states no formula of its own.
"""

from __future__ import annotations

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
# In a declaration a, b, c and d may be names of sizes of a model, such as "head_dim", and paths
# are templates, as in `Operand`.
Index: TypeAlias = "int | str | dict[str, Any]"

ALL = ":"


def axis(number: int, **change: int | str) -> Index:
    """Return the explained number's own index on an axis, changed by times, floordiv, mod, plus."""
    return {"axis": number, **change}


def same(*axes: int) -> tuple[Index, ...]:
    """Return the explained number's own index on each of these axes."""
    return tuple(axis(number) for number in axes)


@dataclass(frozen=True)
class Operand:
    """A symbol of an expression and where its value comes from: exactly one of three places.

    Paths are templates: ``{scope}`` is the step's path without its name, ``{of[0]}`` the first of
    the steps that it was computed from; `clearhead.explorer.derivations` lists the other fields.

    Attributes:
        symbol: its name in the expression.
        label: the key of the text that says what it is; the page's word tables hold the text.
        path, index: a slice of a step, or of a weight for a path ``weights/NAME``, with one
            `Index` for each axis.
        position: an integer that follows from the index of the explained number.
        constant: the name of a number of the model's config.
        name: what the label's text names, such as a weight matrix.
        only_with: the flag of the config without which the operand is absent; its symbol is then
            the last summand of the expression.
    """

    symbol: str
    label: str
    path: str = ""
    index: tuple[Index, ...] = ()
    position: Index | None = None
    constant: str = ""
    name: str = ""
    only_with: str = ""


@dataclass(frozen=True)
class Rule:
    """How one number of a step follows from its operands.

    Attributes:
        expression: Python over the symbols, with ``np`` and, for the error function, ``math``.
        operands: what the symbols stand for.
        when: for which numbers it holds, ``{"axis", "floordiv", "mod", "equals"}``:
            (index[axis] // floordiv) % mod == equals. None: for all of them.
    """

    expression: str
    operands: tuple[Operand, ...]
    when: dict[str, Any] | None = None


@dataclass(frozen=True)
class Recipe:
    """An elementwise operation that makes all numbers of a step again, to the last bit.

    A saved page stores the operation in place of the numbers; `clearhead.explorer.offline.numbers`
    and the page's ``embedded_numbers.ts`` carry the operations out.

    Attributes:
        operation: ``times``, ``causal``, ``relu``, ``heads``, ``normalized``, ``affine``, ``sum``.
        of: the paths of its arrays, templates as in `Operand`.
        number: the name of the number that the operation needs; "" for none.
    """

    operation: str
    of: tuple[str, ...] = ("{of[0]}",)
    number: str = ""


@dataclass(frozen=True)
class StepKind:
    """One kind of step, such as attention's ``masked``, computed in one way.

    A step that can be computed in several ways has a kind for each; the formula, which every trace
    and every trace file carries, tells them apart.

    Attributes:
        name: the last part of its path.
        formula: how it is computed, in the field's notation, as a trace records it.
        of: the names of the steps that it is computed from, where these are always the same.
        axes: the name of each axis; a step without batch or heads has the last of them.
        notation: the same for a lecture, in the page's notation for formulas; ``$name`` stands for
            what the page fills in.
        rules: how one number follows from others, the first whose condition holds; empty for
            inputs, and for what only code can say (the biases of positions).
        recipe: how all numbers follow from others elementwise; None where they do not.
        meaning: what the step is for, in one English sentence, for the terminal.
    """

    name: str
    formula: str
    of: tuple[str, ...] = ()
    axes: tuple[str, ...] = ()
    notation: str = ""
    rules: tuple[Rule, ...] = ()
    recipe: Recipe | None = None
    meaning: str = ""

    def axes_of(self, ndim: int) -> tuple[str, ...]:
        """Return the names of the axes of a value with so many of them."""
        return self.axes[max(len(self.axes) - ndim, 0) :]


def linear(layer: str, inputs: Operand, row: Index, *, bias: str = "bias") -> Rule:
    """Return the rule of one entry of x W^T + b.

    Args:
        layer: the template of the layer's path, such as ``{scope}.up``.
        inputs: the vector that the weight's row is multiplied with.
        row: which row of the weight makes the entry.
        bias: the flag of the config without which there is none; "": there always is one.
    """
    name = layer.rpartition(".")[2]
    weight = Operand("w", "rowOfWeight", f"weights/{layer}.weight", (row, ALL), name=name)
    entry = Operand("b", "entryOfBias", f"weights/{layer}.bias", (row,), name=name, only_with=bias)
    return Rule(f"{inputs.symbol} @ w + b", (inputs, weight, entry))


def softmax(inputs: Operand, place: Operand) -> Rule:
    """Return the rule of one share of a softmax over a row, ``place`` being which entry of it."""
    shares = f"np.exp({inputs.symbol} - {inputs.symbol}.max())"
    return Rule(f"{shares}[{place.symbol}] / {shares}.sum()", (inputs, place))
