"""The result of a softmax: compared with what was read, and followed to the values."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef

from .captured import Captured, Unreadable
from .owners import Owner
from .score_nodes import Layout

_ROWS_COMPARED = 8
_TOLERANCE = {torch.float64: 1e-6, torch.float32: 2e-3}
_TOLERANCE_OF_HALF = 0.1


@dataclass(eq=False)
class Weights:
    """The result of a softmax, until it meets the values.

    Attributes:
        layout: of the tensor; keys on the last axis.
        heads: Int["..."], for each place but the last axis, batch_index * heads + head.
        captured: what was read; None where it was refused.
        why: why it was refused.
    """

    layout: Layout
    reference: StorageWeakRef
    owner: Owner | None
    heads: Tensor | None = None
    captured: Captured | None = None
    why: str = ""
    done: list[bool] = field(default_factory=lambda: [False])


def compare(captured: Captured, truth: Tensor) -> None:
    """Computes a few rows from what was read, and compares them with the model's.

    Raises:
        Unreadable: they differ.
    """
    query_len, key_len = captured.query.shape[2], captured.key.shape[2]
    count = min(query_len, _ROWS_COMPARED)
    rows = torch.linspace(0, query_len - 1, count).long().unique().to(truth.device)
    scores = captured.scoring.tile(captured.query, captured.key, rows)
    sinks = captured.scoring.sinks
    if sinks is not None:
        column = sinks.to(scores.dtype)[None, :, None, None].expand(*scores.shape[:3], 1)
        scores = torch.cat([scores, column], -1)
    mine = torch.softmax(scores, -1)[..., :key_len].nan_to_num(0.0)
    theirs = truth[:, :, rows, :key_len].to(mine.dtype).nan_to_num(0.0)
    tolerance = _TOLERANCE.get(truth.dtype, _TOLERANCE_OF_HALF)
    if captured.query.dtype in (torch.float16, torch.bfloat16):
        tolerance = _TOLERANCE_OF_HALF
    error = float((mine - theirs).abs().max()) if mine.numel() else 0.0
    if not error <= tolerance:
        raise Unreadable(
            f"what was read of it does not give the model's own weights: they differ by {error:.2g}"
        )


def values_of(found: Weights, captured: Captured, left: Tensor, right: Tensor) -> Tensor:
    """Float["batch kv_heads key_len value_dim"] of the second factor of weights and values."""
    assert found.heads is not None
    left, right = (x if x.ndim == 3 else x.unsqueeze(0) for x in (left, right))
    heads, (batch, kv_heads, key_len, _) = captured.query.shape[1], captured.key.shape
    if right.shape[1] != key_len:
        raise Unreadable("there are more or fewer values than keys")
    zero = torch.zeros((), dtype=torch.int64)
    first = Layout.of(left).positions([torch.arange(left.shape[0]), zero, zero])
    where = found.layout.coordinates(first)
    owners = found.heads[tuple(where[:-1])]
    wanted = (owners // heads) * kv_heads + (owners % heads) // (heads // kv_heads)
    order = torch.full((batch * kv_heads,), -1)
    order[wanted.flip(0)] = torch.arange(len(wanted)).flip(0)
    if bool((order < 0).any()):
        raise Unreadable("values are not given for every head")
    if len(order) != len(right) or bool((order != torch.arange(len(order))).any()):
        right = right.index_select(0, order.to(right.device))
    return right.detach().reshape(batch, kv_heads, key_len, -1)
