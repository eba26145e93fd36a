"""Reads a softmax of the weights of another softmax."""

from __future__ import annotations

from typing import TypeGuard

from torch import Tensor

from ...recording.captured import CapturedAttention, Unreadable
from ...scores.scoring import Scoring
from ..agreement import check_weights
from ..mask_cache import MaskCache
from ._nodes import Layout, weak_reference
from ._tracker import WeightTracker
from ._weights import PendingAttention, Weights

_NOTE = (
    "a softmax of a softmax: its scores are the weights of the first one, which are stored, and no "
    "products of queries and keys"
)


def are_whole(weights: Weights | None, scores: Tensor, axis: int) -> TypeGuard[Weights]:
    """Return whether the input of a softmax is all of another one's weights, unchanged.

    Args:
        weights: the weights in the input's memory, if there are any.
        scores: the input.
        axis: that of the softmax.
    """
    if weights is None or weights.change or weights.axes is None:
        return False
    captured, layout = weights.attention.captured, Layout.of(scores).move_axis(axis, -1)
    return captured is not None and not captured.dropout and layout == weights.layout


def follow_again(
    tracker: WeightTracker, first: Weights, scores: Tensor, axis: int, out: Tensor, masks: MaskCache
) -> None:
    """Follow the weights of a softmax of the weights of another one.

    Args:
        tracker: follows them.
        first: the weights of the first softmax, for which `are_whole` is true.
        scores, axis, out: the input of the second softmax, its axis, and its result.
        masks: the cache of compact masks.
    """
    attention = PendingAttention(first.attention.owner, certain=first.attention.certain)
    first.attention.is_over = True  # the first attention meets no values
    second = Weights(Layout.of(out).move_axis(axis, -1), weak_reference(out), attention)
    try:
        read_double_softmax(first, second, scores, axis, out, masks)
    except Unreadable as error:
        attention.why = str(error)
        tracker.refuse(attention)
    tracker.follow(second, out)


def read_double_softmax(
    first: Weights, second: Weights, scores: Tensor, axis: int, out: Tensor, masks: MaskCache
) -> None:
    """Read the attention of a softmax over weights, and compare it with the softmax's result.

    Args:
        first: the weights of the first softmax, for which `are_whole` is true.
        second: the weights of the second, whose attention is completed.
        scores, axis: the input of the second softmax, and its axis.
        out: its result.
        masks: the cache of compact masks.

    Raises:
        Unreadable: the result is not that of a softmax over these weights.
    """
    before = first.attention.captured
    assert before is not None
    assert first.axes is not None
    own = first.axes.four(scores.detach().movedim(axis, -1)).clone()
    batch, heads, query_len, _ = before.query.shape
    shape = (batch, heads, query_len, before.key.shape[2])
    if tuple(own.shape) != shape:
        raise Unreadable("a softmax was taken of weights that had sinks beside them")
    captured = CapturedAttention(
        query=before.query,
        key=before.key,
        scoring=Scoring.of(before.query, before.key, scale=0.0, mask=masks.compact(own, shape)),
        kernel=f"{before.kernel}, twice",
        notes=(*before.notes, _NOTE),
    )
    result = first.axes.four(out.detach().movedim(axis, -1))
    check_weights(captured, result, dtypes=(*first.dtypes, out.dtype))
    second.attention.captured = captured
    second.heads, second.axes, second.dtypes = first.heads, first.axes, (*first.dtypes, out.dtype)
