"""The effect of each known operator on scores."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ._exponentials import exponential_step
from ._nodes import (
    Addition,
    Cap,
    Copy,
    Exponential,
    Fill,
    Layout,
    Node,
    RowScaling,
    Scaling,
    Shift,
    SinkColumn,
    Step,
    UnknownStep,
)
from ._partial_writes import partial_write

_Arguments = Sequence[Any]
_Keywords = Mapping[str, Any]


def _number(x: Any) -> float | None:
    """Return a number, or the number in a tensor with one element; None for other tensors."""
    if isinstance(x, Tensor):
        return float(x) if x.numel() == 1 else None
    return None if isinstance(x, complex) else float(x)


def _one_per_row(x: Tensor, scores: Tensor) -> bool:
    return x.ndim > 0 and x.shape[-1] == 1 and scores.shape[-1] > 1


def _shifts(x: Any, scores: Tensor) -> bool:
    """Return whether adding it shifts each row by a finite number, which a softmax ignores."""
    if not isinstance(x, Tensor):
        return math.isfinite(x)
    per_row = x.ndim == 0 or _one_per_row(x, scores)
    return per_row and bool(x.isfinite().all())


def _multiplication(args: _Arguments, keywords: _Keywords, scores: Tensor) -> Step:
    other = args[1] if args[0] is scores else args[0]
    factor = _number(other)
    if factor is not None:
        return Scaling(factor)
    if _one_per_row(other, scores):
        return RowScaling(other)
    hidden = other == 0
    if bool((hidden | (other == 1)).all()):  # a mask: a low number is added where it is 0
        return Fill(hidden.detach(), 0.0)
    return UnknownStep("its scores were multiplied by a matrix")


def _division(args: _Arguments, keywords: _Keywords, scores: Tensor) -> Step:
    if args[0] is not scores or keywords.get("rounding_mode") is not None:
        return UnknownStep("something was divided by its scores, or the quotient was rounded")
    factor = _number(args[1])
    if factor is not None:
        return Scaling(1 / factor)
    if _one_per_row(args[1], scores):
        return RowScaling(args[1].reciprocal())
    return UnknownStep("its scores were divided by a matrix")


def _negation(args: _Arguments, keywords: _Keywords, scores: Tensor) -> Step:
    return Scaling(-1.0)


def _is_zero(x: Any) -> bool:
    """Return whether adding it changes nothing; models add 0 when a term is switched off."""
    return not isinstance(x, Tensor) and x == 0


def _addition(args: _Arguments, keywords: _Keywords, scores: Tensor) -> Step:
    alpha = float(keywords.get("alpha", args[2] if len(args) > 2 else 1))
    if args[0] is not scores:
        if alpha != 1:
            return UnknownStep("its scores were scaled while they were added to something")
        other = args[0]
    else:
        other = args[1]
    return _term(other, alpha, scores, "added to")


def _subtraction(args: _Arguments, keywords: _Keywords, scores: Tensor) -> Step:
    if args[0] is not scores:
        return UnknownStep("its scores were subtracted from something")
    other = args[1]
    alpha = float(keywords.get("alpha", args[2] if len(args) > 2 else 1))
    return _term(other, -alpha, scores, "subtracted from")


def _term(other: Any, factor: float, scores: Tensor, verb: str) -> Step:
    """Return the step of adding a term times a factor; in words, something was *verb* scores."""
    if _is_zero(other):
        return Copy()
    if _shifts(other, scores):
        return Shift()
    if not isinstance(other, Tensor):
        return UnknownStep(f"{other} was {verb} its scores")
    return Addition(other, factor)


def _fill(args: _Arguments, keywords: _Keywords, scores: Tensor) -> Step:
    value = _number(args[2])
    if args[0] is not scores or value is None:
        return UnknownStep("its scores were used as a mask")
    return Fill(args[1].detach(), value)


def _where(args: _Arguments, keywords: _Keywords, scores: Tensor) -> Step:
    if len(args) != 3 or args[0] is scores:
        return UnknownStep("its scores were used as a mask")
    other = args[2] if args[1] is scores else args[1]
    value = _number(other)
    if value is None and isinstance(other, Tensor):
        low, high = other.aminmax()
        value = float(low) if bool(low == high) else None
    if value is None:
        return UnknownStep("some of its scores were replaced by those of another tensor")
    return Fill(args[0].detach(), value, inverted=args[1] is scores)


def _cap(args: _Arguments, keywords: _Keywords, scores: Tensor) -> Step:
    return Cap()


def _copy(args: _Arguments, keywords: _Keywords, scores: Tensor) -> Step:
    return Copy()


def _buffer(args: _Arguments, keywords: _Keywords, scores: Tensor) -> Step:
    if args[0] is scores:
        return UnknownStep("its scores were replaced by another tensor")
    return Copy()


def _join(args: _Arguments, keywords: _Keywords, scores: Tensor) -> Step:
    parts = args[0]
    axis = args[1] if len(args) > 1 else keywords.get("dim", 0)
    last = axis % scores.ndim == scores.ndim - 1
    if len(parts) == 2 and parts[0] is scores and last and parts[1].shape[-1] == 1:
        return SinkColumn(parts[1])
    return UnknownStep("its scores were joined with something that is not one column of sinks")


def _shift(args: _Arguments, keywords: _Keywords, scores: Tensor) -> Step:
    return Shift()


def _exponential(args: _Arguments, keywords: _Keywords, scores: Tensor) -> Step:
    return Exponential()


_STEPS: dict[str, Callable[[_Arguments, _Keywords, Tensor], Step]] = {
    "mul": _multiplication,
    "div": _division,
    "add": _addition,
    "sub": _subtraction,
    "neg": _negation,
    "masked_fill": _fill,
    "where": _where,
    "tanh": _cap,
    "clone": _copy,
    "_to_copy": _copy,
    "copy": _buffer,
    "cat": _join,
    "_log_softmax": _shift,
    "exp": _exponential,
}


def step_of(
    operator: torch._ops.OpOverload,
    args: _Arguments,
    keywords: _Keywords,
    out: Tensor,
    scores: Tensor,
) -> Step:
    """Return what an operator did to scores, one of its arguments.

    Args:
        operator, args, keywords, out: one of its results, and what it was called with.
        scores: the argument.
    """
    name = operator._schema.name.partition("::")[2].rstrip("_")
    if name not in _STEPS:
        return UnknownStep(f"its scores went through {operator}, which is not understood")
    step = _STEPS[name](args, keywords, scores)
    if isinstance(step, SinkColumn | UnknownStep) or out.shape == scores.shape:
        return step
    return UnknownStep(f"its scores were broadcast by {operator}")


def next_step(
    operator: torch._ops.OpOverload,
    args: _Arguments,
    keywords: _Keywords,
    out: Tensor,
    scores: Tensor,
    node: Node,
) -> tuple[Step, Layout, Layout]:
    """Return what an operator did to scores or their exponentials, or to a part of them.

    Args:
        operator, args, keywords, out: one of its results, and what it was called with.
        scores: one of the arguments.
        node: of the memory that holds it.

    Returns:
        The step, the layout of its result, and the layout in which it read the scores.
    """
    before, after = Layout.of(scores), Layout.of(out)
    if node.is_exponential:
        return exponential_step(operator, args, out, scores), after, before
    if operator._schema.is_mutable:
        write = partial_write(operator, args, keywords, scores, node.layout)
        if write is not None:
            return write, node.layout, node.layout
    return step_of(operator, args, keywords, out, scores), after, before


def of_several_products(step: Step, name: str) -> Step:
    """Return the step of an operator on several products: one plus a bias, or unknown.

    Args:
        step: the step if there were one product.
        name: of the operator.
    """
    if isinstance(step, Addition):
        return replace(step, is_product=True)
    if name in ("cat", "copy_"):
        return UnknownStep("its scores are several products beside one another")
    return UnknownStep("its scores are several products, which are not only added")
