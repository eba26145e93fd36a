"""What the recorder takes from one attention, before it becomes a map."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..scores.bias import DenseBias, ToeplitzBias
from ..scores.key_ranges import KeyRanges
from ..scores.scoring import Scoring


class Unreadable(Exception):
    """An attention that was met but cannot be told exactly; the words say what and why."""


@dataclass(eq=False)
class Captured:
    """One attention as a kernel or the model's own code computed it.

    The tensors may still be the model's own: what is kept of them is copied later.

    Attributes:
        query: Float["batch heads query_len head_dim"].
        key: Float["batch kv_heads key_len head_dim"].
        value: Float["batch kv_heads key_len value_dim"], None where it was not seen.
        lse: Float["batch heads query_len"], natural log, as the kernel gave it.
        scoring: how scores come from queries and keys.
        kernel: what computed it.
        dropout: probability with which weights were dropped after the softmax.
        notes: what a reader of the numbers should know.
    """

    query: Tensor
    key: Tensor
    scoring: Scoring
    kernel: str
    value: Tensor | None = None
    lse: Tensor | None = None
    dropout: float = 0.0
    notes: tuple[str, ...] = ()


class _Quiet(threading.local):
    working = False


_QUIET = _Quiet()


def at_work() -> bool:
    """Whether a recorder of this thread is computing for itself: nobody records that."""
    return _QUIET.working


@contextmanager
def unseen() -> Iterator[None]:
    """Recorders of this thread look away: of what is computed here they were told otherwise."""
    before, _QUIET.working = _QUIET.working, True
    try:
        yield
    finally:
        _QUIET.working = before


@contextmanager
def own_work() -> Iterator[None]:
    """Marks what a recorder computes for itself, so that another one around it looks away."""
    with unseen(), torch.no_grad():
        yield


def without_repeated_heads(key: Tensor, value: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """Keys and values as they were before each head was repeated for its group of query heads.

    Models repeat them for kernels that know no groups. Only what is found to be equal, number
    by number, is taken together.

    Args:
        key: Float["batch heads key_len head_dim"].
        value: Float["batch heads key_len value_dim"].
    """
    heads = key.shape[1]
    tensors = [key] if value is None else [key, value]
    if heads == 1 or not all(torch.equal(x[:, 0], x[:, 1]) for x in tensors):
        return key, value
    for group in sorted((g for g in range(2, heads + 1) if heads % g == 0), reverse=True):
        split = [x.unflatten(1, (heads // group, group)) for x in tensors]
        if all(bool((x == x[:, :, :1]).all()) for x in split):
            first = [x[:, :, 0] for x in split]
            return first[0], first[1] if value is not None else None
    return key, value


def without_idle_keys(captured: Captured) -> Captured:
    """Leaves out keys behind the last one that any query may attend to, where they are zeros.

    Models put such keys there for themselves: to fill whole registers, or as room in a cache.
    """
    scoring, key_len = captured.scoring, captured.key.shape[2]
    allowed = scoring.allowed
    if not isinstance(allowed, KeyRanges) or not allowed.end.numel():
        return captured
    end = int(allowed.end.max())
    if not 0 < end < key_len or bool(captured.key[:, :, end:].any()):
        return captured
    bias = scoring.bias
    if isinstance(bias, ToeplitzBias):
        bias = ToeplitzBias(bias.values[..., : bias.query_len + end - 1], bias.query_len)
    elif isinstance(bias, DenseBias) and bias.values.shape[-1] > 1:
        bias = DenseBias(bias.values[..., :end])
    return replace(
        captured,
        key=captured.key[:, :, :end],
        value=None if captured.value is None else captured.value[:, :, :end],
        scoring=replace(scoring, bias=bias),
    )
