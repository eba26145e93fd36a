"""The truth: attention weights as a dense float64 softmax, written from the definition."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor

from clearhead.maps import AttentionMap


@dataclass
class Case:
    """Tensors and the keywords of `AttentionMap.of`."""

    query: Tensor
    key: Tensor
    value: Tensor
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def map(self) -> AttentionMap:
        return AttentionMap.of(self.query, self.key, self.value, **self.options)

    def scores(self) -> Tensor:
        """Float64, -inf where a query may not attend."""
        options = self.options
        group = self.query.shape[1] // self.key.shape[1]
        scale = options.get("scale") or 1 / math.sqrt(self.query.shape[-1])
        scores = self.query.double() @ self.key.double().repeat_interleave(group, 1).mT * scale
        if softcap := options.get("softcap"):
            scores = softcap * torch.tanh(scores / softcap)
        places = [torch.arange(size) for size in scores.shape]
        b, h, i, j = torch.meshgrid(*places, indexing="ij")
        if score_mod := options.get("score_mod"):
            scores = score_mod(scores, b, h, i, j)
        if (bias := options.get("bias")) is not None:
            scores = scores + bias.double()
        if (mask := options.get("mask")) is not None:
            if mask.dtype == torch.bool:
                scores = scores.masked_fill(~mask, -torch.inf)
            else:
                scores = scores + mask.double()
        if mask_mod := options.get("mask_mod"):
            scores = scores.masked_fill(~mask_mod(b, h, i, j), -torch.inf)
        position = i + options.get("causal_offset", 0)
        if options.get("causal"):
            scores = scores.masked_fill(j > position, -torch.inf)
        if (window := options.get("window")) is not None:
            before, after = window if isinstance(window, tuple) else (window, window)
            if before is not None:
                scores = scores.masked_fill(j < position - before, -torch.inf)
            if after is not None:
                scores = scores.masked_fill(j > position + after, -torch.inf)
        return scores

    def weights(self) -> Tensor:
        """Float64; zeros for a query that may attend to nothing."""
        scores = self.scores()
        if (sinks := self.options.get("sinks")) is not None:
            sink = sinks.double()[:, None, None].expand(*scores.shape[:3], 1)
            return torch.cat([scores, sink], -1).softmax(-1)[..., :-1]
        return scores.softmax(-1).nan_to_num(0.0)


def entropy(weights: Tensor) -> Tensor:
    """-sum w ln w over the keys, in nats."""
    return torch.special.entr(weights).sum(-1)


def _mask(draw: Callable[..., Any], shape: tuple[int, ...]) -> Tensor | None:
    """None, or a mask of some kind: boolean or float, padding, packed, random, with dead rows."""
    batch, heads, query_len, key_len = shape
    kind = draw(st.sampled_from(["none", "padding", "packed", "random", "columns", "float", "low"]))
    if kind == "none":
        return None
    if kind == "padding":
        first, last = torch.randint(0, key_len, (2, batch, 1, 1, 1)) // 2
        keys = torch.arange(key_len)
        return (keys >= first) & (keys < key_len - last)
    if kind == "packed":
        documents = (torch.rand(query_len + key_len) < 0.3).cumsum(0)
        return documents[:query_len, None] == documents[:key_len]
    if kind == "columns":
        return torch.rand(batch, 1, 1, key_len) < 0.7
    full = (draw(st.sampled_from([1, batch])), draw(st.sampled_from([1, heads])))
    visible = torch.rand(*full, query_len, key_len) < 0.6
    visible[..., torch.rand(query_len) < 0.2, :] = False
    if kind == "random":
        return visible
    low = -torch.inf if kind == "float" else torch.finfo(torch.float32).min
    noise = torch.randn(visible.shape) * draw(st.sampled_from([0.0, 1.0]))
    return torch.where(visible, noise, low)


def _bias(draw: Callable[..., Any], shape: tuple[int, ...]) -> Tensor | None:
    batch, heads, query_len, key_len = shape
    kind = draw(st.sampled_from(["none", "distance", "columns", "any"]))
    if kind == "none":
        return None
    if kind == "distance":
        values = torch.randn(heads, query_len + key_len - 1)
        distance = torch.arange(key_len) - torch.arange(query_len)[:, None]
        return values[:, distance + query_len - 1]
    if kind == "columns":
        return torch.randn(batch, 1, 1, key_len)
    return torch.randn(batch, heads, query_len, key_len)


@st.composite
def cases(draw: Callable[..., Any], dtypes: tuple[torch.dtype, ...] = (torch.float32,)) -> Case:
    """Small attentions of every kind."""
    torch.manual_seed(draw(st.integers(0, 10**6)))
    size = st.integers(1, 3)
    batch, kv_heads, group = draw(size), draw(size), draw(size)
    query_len, key_len = draw(st.integers(1, 20)), draw(st.integers(1, 24))
    heads = kv_heads * group
    dtype = draw(st.sampled_from(dtypes))
    query = torch.randn(batch, heads, query_len, 8).to(dtype)
    key, value = torch.randn(2, batch, kv_heads, key_len, 8).to(dtype)
    shape = (batch, heads, query_len, key_len)
    mask = _mask(draw, shape)
    # A mask of lowest numbers is a whole mask: models that pass one pass nothing beside it.
    alone = mask is not None and mask.dtype != torch.bool and bool(mask.isfinite().all())
    options = {
        "scale": draw(st.sampled_from([None, 0.7])),
        "softcap": draw(st.sampled_from([None, 2.0])),
        "causal": draw(st.booleans()) and not alone,
        "causal_offset": draw(st.integers(-3, 8)),
        "window": None if alone else draw(st.sampled_from([None, 2, (3, None), (0, 4)])),
        "mask": mask,
        "bias": _bias(draw, shape),
        "sinks": draw(st.sampled_from([None, torch.randn(heads)])),
    }
    return Case(query, key, value, options)


def _tolerance(case: Case) -> float:
    return 1e-12 if case.query.dtype == torch.float64 else 4e-6


def assert_near(actual: Tensor, truth: Tensor, case: Case) -> None:
    """Check that numbers of a case are the truth but for rounding."""
    bound = _tolerance(case) * max(1.0, float(truth.abs().max()) if truth.numel() else 1.0)
    torch.testing.assert_close(actual.double(), truth, rtol=0, atol=bound)


def random_case(shape: tuple[int, int, int, int] = (2, 4, 30, 30), **options: Any) -> Case:
    """An attention in which two heads share their keys."""
    torch.manual_seed(0)
    batch, heads, query_len, key_len = shape
    query = torch.randn(batch, heads, query_len, 16)
    key, value = torch.randn(2, batch, heads // 2, key_len, 16)
    return Case(query, key, value, options)
