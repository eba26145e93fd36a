"""Weights that were set to zero in places after the softmax, and normalised again.

Such weights are those of a softmax over the keys that are left: w_j / sum of the others is
exp(s_j) / sum of their exponentials. That they are is compared, number by number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from ...recording.captured import CapturedAttention, Unreadable
from ...scores.masks.compact_mask import both_allowed
from ...scores.masks.key_ranges import compact_allowed
from ..agreement import check_weights, map_of
from ._weights import Weights

_LARGEST = 1 << 26  # weights that are compared


def divides_rows(name: str, args: Sequence[Any], weights: Tensor) -> bool:
    """Return whether an operator scales each row of weights by a number of its own.

    Args:
        name: of the operator.
        args: what it was called with.
        weights: one of the arguments.
    """
    if name not in ("div", "mul") or len(args) < 2:
        return False
    other = args[1] if args[0] is weights else args[0]
    if not isinstance(other, Tensor) or other.ndim != weights.ndim:
        return False
    return (name == "mul" or args[0] is weights) and any(
        other.shape[axis] == 1 or other.stride(axis) == 0 for axis in range(other.ndim)
    )


def is_renormalised(weights: Weights, out: Tensor) -> bool:
    """Return whether weights are those of a softmax over fewer keys; their attention then is, too.

    Args:
        weights: the weights, with the layout of the numbers in ``out``.
        out: the weights that were normalised again.
    """
    attention, axes = weights.attention, weights.axes
    captured = attention.captured
    if captured is None or axes is None or captured.dropout or out.numel() > _LARGEST:
        return False
    layout = weights.layout
    truth = axes.four(out.detach().as_strided(layout.shape, layout.stride, layout.offset))
    truth = truth[..., : captured.key.shape[2]].nan_to_num(0.0)
    try:
        over_fewer = _over_fewer_keys(captured, truth)
        check_weights(over_fewer, truth, dtypes=weights.dtypes, every_row=True)
    except Unreadable:
        return False
    attention.captured, attention.change = over_fewer, ""
    return True


def _over_fewer_keys(captured: CapturedAttention, truth: Tensor) -> CapturedAttention:
    """Return an attention without the keys whose weight became zero.

    Raises:
        Unreadable: it has sinks, whose share is not known to be left out.
    """
    scoring = captured.scoring
    if scoring.sinks is not None:
        raise Unreadable("weights beside sinks were normalised again")
    hidden = (truth == 0) & (map_of(captured)[...] > 0)
    if bool((hidden == hidden[:1, :1]).all()):
        hidden = hidden[:1, :1]
    fewer = compact_allowed(~hidden, truth.shape[2], truth.shape[3])
    mask = both_allowed(scoring.allowed, fewer)
    return replace(captured, scoring=replace(scoring, allowed=mask))
