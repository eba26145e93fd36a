"""What each understood operator does to scores."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor

from ._nodes import (
    Added,
    Capped,
    Copied,
    Filled,
    Lost,
    RowsScaled,
    Scaled,
    Shifted,
    SinkAppended,
    Step,
)

_Arguments = Sequence[Any]
_Options = Mapping[str, Any]


def _number(x: Any) -> float | None:
    """A number, also where it is a tensor with one element."""
    if isinstance(x, Tensor):
        return float(x) if x.numel() == 1 else None
    return None if isinstance(x, complex) else float(x)


def _one_per_row(x: Tensor, scores: Tensor) -> bool:
    return x.ndim > 0 and x.shape[-1] == 1 and scores.shape[-1] > 1


def _shifts(x: Any, scores: Tensor) -> bool:
    """Whether adding it gives each row one finite number, which no softmax notices."""
    if not isinstance(x, Tensor):
        return math.isfinite(x)
    per_row = x.ndim == 0 or _one_per_row(x, scores)
    return per_row and bool(x.isfinite().all())


def _multiplied(args: _Arguments, options: _Options, scores: Tensor) -> Step:
    other = args[1] if args[0] is scores else args[0]
    factor = _number(other)
    if factor is not None:
        return Scaled(factor)
    if _one_per_row(other, scores):
        return RowsScaled(other)
    return Lost("its scores were multiplied by a matrix")


def _divided(args: _Arguments, options: _Options, scores: Tensor) -> Step:
    if args[0] is not scores or options.get("rounding_mode") is not None:
        return Lost("something was divided by its scores, or the quotient was rounded")
    factor = _number(args[1])
    if factor is not None:
        return Scaled(1 / factor)
    if _one_per_row(args[1], scores):
        return RowsScaled(args[1].reciprocal())
    return Lost("its scores were divided by a matrix")


def _negated(args: _Arguments, options: _Options, scores: Tensor) -> Step:
    return Scaled(-1.0)


def _is_zero(x: Any) -> bool:
    """Whether adding it changes nothing: models add 0 where a term is switched off."""
    return not isinstance(x, Tensor) and x == 0


def _added(args: _Arguments, options: _Options, scores: Tensor) -> Step:
    alpha = float(options.get("alpha", args[2] if len(args) > 2 else 1))
    if args[0] is not scores:
        if alpha != 1:
            return Lost("its scores were scaled while they were added to something")
        other = args[0]
    else:
        other = args[1]
    if _is_zero(other):
        return Copied()
    if _shifts(other, scores):
        return Shifted()
    if not isinstance(other, Tensor):
        return Lost(f"{other} was added to its scores")
    return Added(other, alpha)


def _subtracted(args: _Arguments, options: _Options, scores: Tensor) -> Step:
    if args[0] is not scores:
        return Lost("its scores were subtracted from something")
    other = args[1]
    if _is_zero(other):
        return Copied()
    if _shifts(other, scores):
        return Shifted()
    if not isinstance(other, Tensor):
        return Lost(f"{other} was subtracted from its scores")
    return Added(other, -float(options.get("alpha", args[2] if len(args) > 2 else 1)))


def _filled(args: _Arguments, options: _Options, scores: Tensor) -> Step:
    value = _number(args[2])
    if args[0] is not scores or value is None:
        return Lost("its scores were used as a mask")
    return Filled(args[1].detach(), value)


def _where(args: _Arguments, options: _Options, scores: Tensor) -> Step:
    if len(args) != 3 or args[0] is scores:
        return Lost("its scores were used as a mask")
    other = args[2] if args[1] is scores else args[1]
    value = _number(other)
    if value is None and isinstance(other, Tensor):
        low, high = other.aminmax()
        value = float(low) if bool(low == high) else None
    if value is None:
        return Lost("some of its scores were replaced by those of another tensor")
    return Filled(args[0].detach(), value, inverted=args[1] is scores)


def _capped(args: _Arguments, options: _Options, scores: Tensor) -> Step:
    return Capped()


def _copied(args: _Arguments, options: _Options, scores: Tensor) -> Step:
    return Copied()


def _joined(args: _Arguments, options: _Options, scores: Tensor) -> Step:
    parts = args[0]
    axis = args[1] if len(args) > 1 else options.get("dim", 0)
    last = axis % scores.ndim == scores.ndim - 1
    if len(parts) == 2 and parts[0] is scores and last and parts[1].shape[-1] == 1:
        return SinkAppended(parts[1])
    return Lost("its scores were joined with something that is not one column of sinks")


_STEPS: dict[str, Callable[[_Arguments, _Options, Tensor], Step]] = {
    "mul": _multiplied,
    "div": _divided,
    "add": _added,
    "sub": _subtracted,
    "neg": _negated,
    "masked_fill": _filled,
    "where": _where,
    "tanh": _capped,
    "clone": _copied,
    "_to_copy": _copied,
    "cat": _joined,
}
BASE_NAMES = frozenset(_STEPS)


def step_of(name: str, args: _Arguments, options: _Options, scores: Tensor) -> Step:
    """What an operator did to scores, which are one of its arguments.

    Args:
        name: one of `BASE_NAMES`.
    """
    return _STEPS[name](args, options, scores)
