"""The definition of a kind of step: formula, operands, axes and purpose.

Nothing is computed here, and NumPy is not needed. `clearhead.reference.tracing.steps` declares
every kind of step that the reference records. Code that shows, explains or stores steps reads these
declarations and has no formulas of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

# One axis of an operand, or an integer, computed from the index of the explained number:
#   3                                     that entry
#   ":"                                   the whole axis
#   {"axis": 1, "times": a, "floordiv": b, "mod": c, "plus": d}
#                                         ((index[1] * a) // b) % c + d
#   {"sum": [one of these, ...]}          their sum
#   {"value_of": {"path": ..., "index": [...]}}
#                                         an entry of a step that holds integers
# In a declaration, a, b, c and d may be names of sizes of the model, such as "head_dim", and paths
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
    """A symbol of an expression and the source of its value: exactly one of three.

    Paths are templates: ``{scope}`` is the step's path without its name, ``{of[0]}`` the first of
    its sources; `clearhead.explorer.derivations` lists the other fields.

    Attributes:
        symbol: its name in the expression.
        label: the key of its description; the page's word tables hold the text.
        path, index: a slice of a step, or of a weight for a path ``weights/NAME``, with one
            `Index` for each axis.
        position: an integer computed from the index of the explained number.
        constant: the name of a number of the model's config.
        name: the argument of the label's text, such as the name of a weight matrix.
        only_with: the flag of the config that the operand depends on. Without the flag the operand
            is absent; its symbol must be the last summand of the expression.
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
    """The formula of one number of a step.

    Attributes:
        expression: Python over the symbols, with ``np`` and, for the error function, ``math``.
        operands: the values of the symbols.
        when: the numbers that it holds for, ``{"axis", "floordiv", "mod", "equals"}``:
            (index[axis] // floordiv) % mod == equals. None: for all of them.
    """

    expression: str
    operands: tuple[Operand, ...]
    when: dict[str, Any] | None = None


@dataclass(frozen=True)
class Recipe:
    """An elementwise operation that restores all numbers of a step, bit for bit.

    A saved page stores the operation instead of the numbers; `clearhead.explorer.offline.numbers`
    and the page's ``embedded_numbers.ts`` execute the operations.

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
    """One kind of step, such as attention's ``masked``, computed by one formula.

    A step that can be computed in several ways has a kind for each. They differ in their formula,
    which every trace and every trace file contains.

    Attributes:
        name: the last part of its path.
        formula: its formula, in the field's notation, as recorded in a trace.
        of: the names of its sources, if these are always the same.
        axes: the name of each axis; a step without batch or heads has only the last of them.
        notation: the formula for a lecture, in the page's notation; ``$name`` stands for a part
            that the page fills in.
        rules: the formulas of one number, of which the first whose condition holds applies; empty
            for inputs, and for steps that only code can describe (the biases of positions).
        recipe: the elementwise operation that makes all numbers from others; None if there is none.
        meaning: the purpose of the step, in one English sentence, for the terminal.
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
        """Return the names of a value's axes, given their number."""
        return self.axes[max(len(self.axes) - ndim, 0) :]


def linear(layer: str, inputs: Operand, row: Index, *, bias: str = "bias") -> Rule:
    """Return the rule of one entry of x W^T + b.

    Args:
        layer: the template of the layer's path, such as ``{scope}.up``.
        inputs: the vector that the weight's row is multiplied by.
        row: the row of the weight for this entry.
        bias: the flag of the config that says whether there is a bias; "": there always is one.
    """
    name = layer.rpartition(".")[2]
    weight = Operand("w", "rowOfWeight", f"weights/{layer}.weight", (row, ALL), name=name)
    entry = Operand("b", "entryOfBias", f"weights/{layer}.bias", (row,), name=name, only_with=bias)
    return Rule(f"{inputs.symbol} @ w + b", (inputs, weight, entry))


def softmax(inputs: Operand, place: Operand) -> Rule:
    """Return the rule of one entry of a softmax over a row; ``place`` is the entry's index."""
    shares = f"np.exp({inputs.symbol} - {inputs.symbol}.max())"
    return Rule(f"{shares}[{place.symbol}] / {shares}.sum()", (inputs, place))
