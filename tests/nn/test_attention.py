"""The model's own attention: kernels agree, masked rows are zeros, groups share keys."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from clearhead.config import TransformerConfig
from clearhead.nn.attention import Attention, KeyValue, causal_mask, fused_attention


def by_hand(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    visible: torch.Tensor | None,
    bias: torch.Tensor | None = None,
) -> torch.Tensor:
    """softmax(Q K^T / sqrt(head_dim) + bias) V, query by query."""
    batch, heads, query_len, head_dim = query.shape
    group = heads // key.shape[1]
    output = torch.zeros(*query.shape[:3], value.shape[-1], dtype=query.dtype)
    for b in range(batch):
        for h in range(heads):
            for i in range(query_len):
                scores = key[b, h // group] @ query[b, h, i] / head_dim**0.5
                if bias is not None:
                    scores = scores + bias[h, i]
                seen = torch.ones(len(scores), dtype=torch.bool)
                if visible is not None:
                    seen = visible.expand(batch, heads, query_len, -1)[b, h, i]
                if seen.any():
                    weights = torch.softmax(scores[seen], dim=0)
                    output[b, h, i] = weights @ value[b, h // group][seen]
    return output


@st.composite
def shapes(draw: st.DrawFn) -> tuple[int, int, int, int, int, int]:
    kv_heads = draw(st.integers(1, 3))
    group = draw(st.integers(1, 3))
    return (
        draw(st.integers(1, 3)),
        kv_heads * group,
        kv_heads,
        draw(st.integers(1, 5)),
        draw(st.integers(0, 4)),
        draw(st.integers(1, 4)),
    )


@given(shapes(), st.booleans(), st.booleans(), st.booleans(), st.integers(0, 999))
def test_it_is_the_formula(
    shape: tuple[int, int, int, int, int, int], masked: bool, biased: bool, causal: bool, seed: int
) -> None:
    batch, heads, kv_heads, query_len, more, head_dim = shape
    key_len = query_len + more
    generator = torch.Generator().manual_seed(seed)

    def normal(*size: int) -> torch.Tensor:
        return torch.randn(*size, generator=generator, dtype=torch.float64)

    query = normal(batch, heads, query_len, head_dim)
    key, value = (normal(batch, kv_heads, key_len, head_dim) for _ in range(2))
    mask = torch.rand(batch, 1, query_len, key_len, generator=generator) < 0.6 if masked else None
    bias = normal(heads, query_len, key_len) if biased else None
    visible = mask
    if causal:
        ordered = causal_mask(query_len, key_len)[None, None]
        visible = ordered if mask is None else mask & ordered
    output = fused_attention(query, key, value, mask=mask, bias=bias, causal=causal)
    torch.testing.assert_close(output, by_hand(query, key, value, visible, bias))


def test_causality_is_aligned_with_the_last_key() -> None:
    assert causal_mask(2, 4).int().tolist() == [[1, 1, 1, 0], [1, 1, 1, 1]]
    assert causal_mask(3, 3).int().tolist() == [[1, 0, 0], [1, 1, 0], [1, 1, 1]]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("biased", [False, True])
def test_fully_masked_rows_are_zeros_with_gradients_that_are_numbers(
    dtype: torch.dtype, training: bool, biased: bool
) -> None:
    torch.manual_seed(0)
    query, key, value = (torch.randn(2, 2, 3, 4, dtype=dtype) for _ in range(3))
    query.requires_grad_(training)
    mask = torch.ones(2, 1, 3, 3, dtype=torch.bool)
    mask[0, 0, 1] = False
    mask[1] = False
    bias = torch.randn(2, 3, 3).to(dtype) if biased else None
    output = fused_attention(query, key, value, mask=mask, bias=bias)
    assert torch.equal(output[0, :, 1], torch.zeros(2, 4, dtype=dtype))
    assert torch.equal(output[1], torch.zeros(2, 3, 4, dtype=dtype))
    assert bool((output[0, :, [0, 2]] != 0).all())
    if training:
        output.float().square().sum().backward()
        assert bool(torch.isfinite(query.grad).all())
        assert torch.equal(query.grad[1], torch.zeros(2, 3, 4, dtype=dtype))


CONFIG = TransformerConfig(vocab_size=9, d_model=12, num_heads=4, num_kv_heads=2)


def test_grouped_heads_are_heads_with_shared_projections() -> None:
    torch.manual_seed(2)
    grouped = Attention(CONFIG).double()
    full = Attention(CONFIG.replace(num_kv_heads=4)).double()
    weights = grouped.state_dict()
    for name in ("key", "value"):
        for part in ("weight", "bias"):
            rows = weights[f"{name}.{part}"].unflatten(0, (2, 3))
            weights[f"{name}.{part}"] = rows.repeat_interleave(2, dim=0).flatten(0, 1)
    full.load_state_dict(weights)
    x = torch.randn(2, 5, 12, dtype=torch.float64)
    ours, nonzero = grouped.self_attention(x, causal=True)
    theirs, _ = full.self_attention(x, causal=True)
    torch.testing.assert_close(ours, theirs)
    assert nonzero.key.shape == (2, 2, 5, 3)


def test_the_cache_gives_what_the_whole_gives() -> None:
    torch.manual_seed(2)
    layer = Attention(CONFIG).double()
    x = torch.randn(2, 5, 12, dtype=torch.float64)
    whole, _ = layer.self_attention(x, causal=True)
    past: KeyValue | None = None
    steps = []
    for part in x.split([2, 1, 2], dim=1):
        output, past = layer.self_attention(part, causal=True, past=past)
        steps.append(output)
    torch.testing.assert_close(torch.cat(steps, dim=1), whole)


def test_dropout_acts_in_training_only() -> None:
    torch.manual_seed(2)
    layer = Attention(CONFIG.replace(attention_dropout=0.5))
    x = torch.randn(1, 5, 12)
    drawn = [layer.self_attention(x)[0] for _ in range(2)]
    assert not torch.equal(*drawn)
    layer.eval()
    still = [layer.self_attention(x)[0] for _ in range(2)]
    assert torch.equal(*still)
