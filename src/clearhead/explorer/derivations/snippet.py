"""Evaluates a derivation: its operands, its value, and a Python snippet that asserts a number.

The front end does the same in TypeScript, from the same JSON, and writes exactly this text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ...errors import TraceError
from .short_product import shorten_product
from .short_softmax import shorten_softmax

Slices = tuple["slice | int", ...]
Fetch = Callable[[str, Slices], Any]

_LINE = 96  # columns of a line of numbers


def applicable(
    derivations: Sequence[Mapping[str, Any]], index: Sequence[int], *, was_replaced: bool = False
) -> Mapping[str, Any]:
    """Return the first derivation whose condition holds for an element.

    Args:
        derivations: of the step, as JSON.
        index: of the element, one for each axis.
        was_replaced: whether an edit replaced the element.

    Raises:
        TraceError: no condition holds.
    """
    for derivation in derivations:
        if _holds(derivation.get("when"), index, was_replaced):
            return derivation
    raise TraceError(f"None of {len(derivations)} derivations holds for the element {list(index)}.")


def _holds(when: Mapping[str, Any] | None, index: Sequence[int], was_replaced: bool) -> bool:
    if when is None:
        return True
    if "replaced" in when:
        places = when.get("index") or [None] * len(index)
        return was_replaced and all(
            place in (None, at) for place, at in zip(places, index, strict=True)
        )
    return bool(index[when["axis"]] // when.get("floordiv", 1) % when["mod"] == when["equals"])


def operand_values(
    derivation: Mapping[str, Any], index: Sequence[int], fetch: Fetch
) -> dict[str, Any]:
    """Return the value of each symbol of a derivation, for one element.

    Args:
        derivation: as JSON.
        index: of the explained element.
        fetch: returns the entries of a step or weight, given an int or a slice for each axis.

    Returns:
        an int for a scalar, a number for a constant, and a float or an array for a slice.
    """
    values: dict[str, Any] = {}
    for operand in derivation["operands"]:
        if "path" in operand:
            where = tuple(resolve(entry, index, fetch) for entry in operand["index"])
            values[operand["symbol"]] = fetch(operand["path"], where)
        elif "scalar" in operand:
            values[operand["symbol"]] = resolve(operand["scalar"], index, fetch)
        else:
            values[operand["symbol"]] = operand["constant"]
    return values


def resolve(entry: Any, index: Sequence[int], fetch: Fetch) -> Any:
    """Return one entry of an operand's index: an int, or a slice for a whole axis."""
    if entry == ":":
        return slice(None)
    if isinstance(entry, int):
        return entry
    if "sum" in entry:
        return sum(resolve(part, index, fetch) for part in entry["sum"])
    if "value_of" in entry:
        source = entry["value_of"]
        where = tuple(resolve(part, index, fetch) for part in source["index"])
        return int(fetch(source["path"], where))
    number = int(index[entry["axis"]]) * entry.get("times", 1) // entry.get("floordiv", 1)
    if "mod" in entry:
        number %= entry["mod"]
    return number + entry.get("plus", 0)


def snippet(
    derivation: Mapping[str, Any],
    value: float,
    operands: Mapping[str, Any],
    *,
    labels: Mapping[str, str],
    heading: str = "",
) -> str:
    """Return a Python program that computes a number from its operands, and asserts it.

    Args:
        derivation: as JSON; not that of an input or of a number that an edit set.
        value: the number.
        operands: the value of each symbol, as `operand_values` returns it.
        labels: the text of each label's key, for comments: the page's, in one of its languages.
            ``{name}`` in it is replaced by the label's argument.
        heading: a description of the number, for a comment.

    Returns:
        the text of the program; it needs only NumPy, and floats are written out in full.

    Raises:
        TraceError: the number has no formula, so there is nothing to compute.
    """
    expression = derivation["expression"]
    if expression is None or not derivation["operands"]:
        raise TraceError(
            "This number was given and follows from no others, so there is no snippet for it. "
            "Ask for one of a number that was computed."
        )
    lines = ["import math", ""] if re.search(r"\bmath\.", expression) else []
    lines += ["import numpy as np", ""]
    if heading:
        lines.append(f"# {' '.join(heading.split())}")
    short = shorten_softmax(expression, operands)
    if short.expression == expression:
        short = shorten_product(expression, operands)
    label_of = {operand["symbol"]: operand["label"] for operand in derivation["operands"]}
    for symbol, operand in short.operands.items():
        texts = [_text(of[symbol], labels) for of in (label_of, short.notes) if symbol in of]
        lines.append(f"# {symbol}: {'; '.join(texts)}")
        lines.append(f"{symbol} = {literal(operand)}")
    lines += [
        f"value = {short.expression}",
        f"assert np.isclose(value, {literal(float(value))}, rtol=1e-9, atol=1e-12), value",
        "print(value)",
    ]
    return "\n".join(lines) + "\n"


def _text(label: Mapping[str, str], labels: Mapping[str, str]) -> str:
    return labels[label["key"]].replace("{name}", label.get("name", ""))


def literal(value: Any) -> str:
    """Return Python code that reproduces a number or an array, bit for bit."""
    if isinstance(value, np.ndarray) and value.ndim:
        lines = [""]
        for entry in value.ravel():
            text = f" {literal(entry)},"
            if lines[-1] and 3 + len(lines[-1]) + len(text) > _LINE:
                lines.append("")
            lines[-1] += text
        body = "\n".join(f"   {line}" for line in lines)
        shape = "" if value.ndim == 1 else f".reshape({', '.join(map(str, value.shape))})"
        return f"np.array([\n{body}\n]){shape}"
    number = value.item() if isinstance(value, np.generic | np.ndarray) else value
    if isinstance(number, float) and not math.isfinite(number):
        return "np.nan" if math.isnan(number) else f"{'-' * (number < 0)}np.inf"
    return repr(number)
