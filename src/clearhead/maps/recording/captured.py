"""What the recorder reads of one attention, before it becomes a map."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ...shapes import Float
from ..scores.bias import DenseBias, ToeplitzBias
from ..scores.masks.dense_mask import DenseMask
from ..scores.masks.key_ranges import KeyRanges
from ..scores.scoring import Scoring


class Unreadable(Exception):
    """An attention that ran but cannot be read exactly; the message says why."""


@dataclass(eq=False)
class CapturedAttention:
    """One attention as a kernel or the model's own code computed it.

    The tensors may still be the model's own memory; a recording copies them.

    Attributes:
        query, key: of each head.
        value: None where it is not known.
        lse: the natural log of the sum of the exponentials of each query's scores, from the kernel.
        scoring: how scores come from queries and keys.
        kernel: what computed it.
        dropout: probability with which weights were dropped after the softmax.
        notes: remarks for a reader of the numbers.
    """

    query: Float[Tensor, "batch heads query_len head_dim"]
    key: Float[Tensor, "batch kv_heads key_len head_dim"]
    scoring: Scoring
    kernel: str
    value: Float[Tensor, "batch kv_heads key_len value_dim"] | None = None
    lse: Float[Tensor, "batch heads query_len"] | None = None
    dropout: float = 0.0
    notes: tuple[str, ...] = ()


def without_repeated_heads(
    key: Float[Tensor, "batch heads key_len head_dim"],
    value: Float[Tensor, "batch heads key_len value_dim"] | None,
) -> tuple[
    Float[Tensor, "batch kv_heads key_len head_dim"],
    Float[Tensor, "batch kv_heads key_len value_dim"] | None,
]:
    """Return keys and values without the repetition of heads for groups of query heads.

    Models repeat key heads for kernels that do not support groups. Only heads with equal numbers
    are merged.
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


def without_idle_keys(captured: CapturedAttention) -> CapturedAttention:
    """Return an attention without the zero keys behind the last one that any query may attend to.

    Models append such keys to align lengths, or as free space in a cache.
    """
    scoring, key_len = captured.scoring, captured.key.shape[2]
    mask = scoring.mask
    if not isinstance(mask, KeyRanges):
        return captured
    end = mask.last_end
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


def attended_end(captured: CapturedAttention, *, count_even: bool) -> int:
    """Return the index behind the last key that any query attends to.

    Args:
        captured: the attention of one step.
        count_even: whether to count flat queries, which attend evenly whatever the keys are.
    """
    scoring, length = captured.scoring, captured.key.shape[2]
    mask = scoring.mask
    if mask is None:
        return length
    flat = None if count_even else scoring.flat
    if isinstance(mask, DenseMask):
        visible = mask.visible if flat is None else mask.visible & ~flat[..., None]
        columns = visible.flatten(0, 2).any(0).expand(length).nonzero()
        return int(columns.max()) + 1 if len(columns) else 0
    ranges = mask.ranges
    if flat is None or flat.ndim != ranges.end.ndim or not ranges.end.numel():
        return ranges.last_end
    return int(ranges.end.masked_fill(flat, 0).max())
