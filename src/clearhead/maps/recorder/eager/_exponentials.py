"""Reads a softmax that a model writes out as exponentials, divided by their sums.

Exponentials of scores are followed as scores are. If they are divided by one number per row, or
were normalised before (a log softmax), they may be the weights of an attention. This is not
assumed: they are compared with the softmax of the scores.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ....shapes import Shaped
from ._nodes import Copy, Fill, Node, Shift, Step, UnknownStep

_Arguments = Sequence[Any]
# How far the sum of a row of weights may be from 1. In half precision logarithms are rounded by up
# to 1/64, and weights in proportion. The weights themselves are compared afterwards.
_OFF, _OFF_IN_HALF = 1e-3, 0.1


def exponential_step(
    operator: torch._ops.OpOverload, args: _Arguments, out: Tensor, exponentials: Tensor
) -> Step:
    """Return what an operator on exponentials of scores did, as a step on the scores.

    Args:
        operator, args, out: one of its results, and what it was called with.
        exponentials: the argument.
    """
    name = operator._schema.name.partition("::")[2].rstrip("_")
    step = _STEPS[name](args, exponentials) if name in _STEPS else None
    if step is None or out.shape != exponentials.shape:
        return UnknownStep(
            f"the exponentials of its scores went through {operator}, which is not understood"
        )
    return step


def _copy(args: _Arguments, exponentials: Tensor) -> Step | None:
    return Copy()


def _multiplication(args: _Arguments, exponentials: Tensor) -> Step | None:
    """Multiplying by zeros and ones hides keys; multiplying by a number shifts the scores."""
    other = args[1] if args[0] is exponentials else args[0]
    if not isinstance(other, Tensor):
        return Shift() if other > 0 else None
    hidden = other == 0
    if bool((hidden | (other == 1)).all()):
        return Fill(hidden.detach(), -torch.inf)
    return None


def _division(args: _Arguments, exponentials: Tensor) -> Step | None:
    divisor = args[1]
    return Shift() if not isinstance(divisor, Tensor) and divisor > 0 else None


def _fill(args: _Arguments, exponentials: Tensor) -> Step | None:
    if args[0] is exponentials and float(args[2]) == 0:
        return Fill(args[1].detach(), -torch.inf)
    return None


def _where(args: _Arguments, exponentials: Tensor) -> Step | None:
    other = args[2] if args[1] is exponentials else args[1]
    if args[0] is exponentials or bool((torch.as_tensor(other) != 0).any()):
        return None
    return Fill(args[0].detach(), -torch.inf, inverted=args[1] is exponentials)


_STEPS: Mapping[str, Callable[[_Arguments, Tensor], Step | None]] = {
    "clone": _copy,
    "_to_copy": _copy,
    "mul": _multiplication,
    "div": _division,
    "masked_fill": _fill,
    "where": _where,
}


def normalising_axis(
    operator: torch._ops.OpOverload, args: _Arguments, exponentials: Tensor
) -> int | None:
    """Return the axis along which exponentials are divided by one number; None if there is none.

    Args:
        operator, args: the operator, and what it was called with.
        exponentials: one of the arguments.
    """
    name = operator._schema.name.partition("::")[2].rstrip("_")
    if name not in ("div", "mul"):
        return None
    other = args[1] if args[0] is exponentials else args[0]
    if not isinstance(other, Tensor) or (name == "div" and args[0] is not exponentials):
        return None
    if other.ndim == 0 or other.ndim > exponentials.ndim:
        return None
    if bool(((other == 0) | (other == 1)).all()) and other.shape[-1] > 1:
        return None  # a mask
    for axis in range(-1, -exponentials.ndim - 1, -1):
        is_one = -axis > other.ndim or other.shape[axis] == 1 or other.stride(axis) == 0
        if is_one and exponentials.shape[axis] > 1:
            return axis
    return -1 if exponentials.shape[-1] == 1 else None


def normalised_axis(node: Node, out: Shaped[Tensor, "..."]) -> int | None:
    """Return the axis along which exponentials sum to 1; None if there is none.

    Args:
        node: of their exponents.
        out: the exponentials.
    """
    before = node
    while isinstance(before.step, Copy) and before.parent is not None:
        before = before.parent
    if not isinstance(before.step, Shift):
        return None
    most = _OFF if out.dtype in (torch.float32, torch.float64) else _OFF_IN_HALF
    for axis in range(-1, -min(out.ndim, 2) - 1, -1):
        sums = out.sum(axis, dtype=torch.float32)
        if bool(((sums - 1).abs() < most).all()):
            return axis
    return None
