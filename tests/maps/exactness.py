"""The truth about weights far from zero, and every way to ask a map for them."""

from __future__ import annotations

import torch
from torch import Tensor

from clearhead.maps import Pooled, Received, Sink, TopK
from clearhead.maps.one_row import one_row
from clearhead.maps.scores.precision import score_dtype
from tests.maps.dense import entropy


def truth_of(
    query: Tensor,
    key: Tensor,
    *,
    bias: Tensor | None = None,
    allowed: Tensor | None = None,
    softcap: float | None = None,
    sinks: Tensor | None = None,
    scale: float | None = None,
) -> Tensor:
    """Float64: products in float64, a sum rounded to float32 (for queries that are not of
    float64), and from there in float64."""
    group = query.shape[1] // key.shape[1]
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    scores = query.double() @ key.double().repeat_interleave(group, 1).mT * scale
    if softcap is not None:
        scores = softcap * torch.tanh(scores / softcap)
    if bias is not None and query.dtype == torch.float64:
        scores = scores + bias
    elif bias is not None:
        scores = (scores.float() + bias).double()
    if allowed is not None:
        scores = scores.masked_fill(~allowed, -torch.inf)
    if sinks is not None:
        column = sinks.double()[:, None, None].expand(*scores.shape[:3], 1)
        return torch.cat([scores, column], -1).softmax(-1)[..., :-1].nan_to_num(0.0)
    return scores.softmax(-1).nan_to_num(0.0)


def close(found: Tensor, truth: Tensor, wide: bool = False, times: float = 1.0) -> None:
    assert found.shape == truth.shape
    bound = times * (1e-12 if wide else 1e-6)
    bound *= max(1.0, float(truth.abs().max())) if truth.numel() else 1.0
    torch.testing.assert_close(found.double(), truth, rtol=0, atol=bound)


def agree(make, truth: Tensor, *, wide: bool = False, total: float = 1.0) -> None:
    """Every way to ask a map, each of a map of its own, so that nothing is known beforehand."""
    query_len, key_len = truth.shape[2:]
    whole = make().dense()
    assert whole.dtype == score_dtype(make().query)
    close(whole, truth, wide)
    if total == 1.0:
        live = truth.sum(-1) > 0
        sums = whole.double().sum(-1)
        close(sums, live.double(), wide)
    row, column = query_len // 2, key_len // 2
    close(make().row(row), truth[:, :, row], wide)
    close(make().column(column), truth[..., column], wide)
    close(make()[..., row, column], truth[..., row, column], wide)
    close(make()[0, -1:, :, : column + 1], truth[0, -1:, :, : column + 1], wide)
    one = make()
    found = one.measure("entropy", "received", "lse", TopK(2), Sink(2), Pooled(1, 1, "sum"))
    # Of a weight that is off by d, w ln w is off by d (1 + ln w).
    close(found["entropy"], entropy(truth), wide, times=4)
    close(found["received"], truth.sum(-2), wide)
    close(found[Sink(2)], truth[..., :2].sum(-1), wide)
    close(found[Pooled(1, 1, "sum")][..., 0, 0], truth.sum((-2, -1)), wide)
    count = min(2, key_len)
    close(found[TopK(2)].values[..., :count], truth.topk(count).values, wide)
    close(one.column(column), truth[..., column], wide)  # with denominators from the pass
    close(make().measure(Received())[Received()], truth.sum(-2), wide)
    part = one_row(one, 0)
    close(part.column(column), truth[:1, ..., column], wide)


def tensors(batch, kv_heads, group, query_len, key_len, dtype=torch.float32, size=1.0):
    query = torch.randn(batch, kv_heads * group, query_len, 8)
    key = torch.randn(batch, kv_heads, key_len, 8)
    return (query * size).to(dtype), key.to(dtype)
