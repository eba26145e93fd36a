"""The explicit form of attention: the fused kernel's values, and exact gradients."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from clearhead.nn.attention import fused_attention
from clearhead.nn.explicit_attention import explicit_attention, explicit_is_faster


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_it_is_what_the_kernel_gives(causal: bool, masked: bool) -> None:
    torch.manual_seed(1)
    query = torch.randn(2, 4, 6, 8, dtype=torch.bfloat16, requires_grad=True)
    key, value = (torch.randn(2, 2, 6, 8, dtype=torch.bfloat16) for _ in range(2))
    mask = torch.ones(2, 1, 1, 6, dtype=torch.bool) if masked else None
    if mask is not None:
        mask[0, ..., 4:] = False
    assert explicit_is_faster(query, key)
    explicit = fused_attention(query, key, value, mask=mask, causal=causal)
    assert not explicit_is_faster(query.detach(), key)
    fused = fused_attention(query.detach(), key, value, mask=mask, causal=causal)
    torch.testing.assert_close(explicit.detach(), fused, rtol=0.03, atol=0.03)


@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("biased", [False, True])
def test_scale_and_softcap(biased: bool, dropout: float) -> None:
    """A cap acts on scaled scores, before the bias; the scale is the kernel's."""
    torch.manual_seed(1)
    query, key, value = (torch.randn(2, 3, 5, 8, dtype=torch.float64) for _ in range(3))
    bias = torch.randn(3, 5, 5, dtype=torch.float64) if biased else None
    scaled = explicit_attention(query, key, value, bias, scale=0.7)
    expected = F.scaled_dot_product_attention(query, key, value, attn_mask=bias, scale=0.7)
    torch.testing.assert_close(scaled, expected)
    scores = 2 * torch.tanh(query @ key.transpose(-1, -2) * 0.7 / 2)
    weights = torch.softmax(scores if bias is None else scores + bias, dim=-1)
    torch.manual_seed(3)
    capped = explicit_attention(query, key, value, bias, dropout, scale=0.7, softcap=2.0)
    if dropout == 0.0:
        torch.testing.assert_close(capped, weights @ value)
    else:
        assert not torch.allclose(capped, weights @ value)


@given(
    query_len=st.integers(1, 5),
    key_len=st.sampled_from([1, 3, 15, 16, 17, 33]),
    kv_heads=st.sampled_from([1, 2, 4]),
    kind=st.sampled_from(["none", "boolean", "float", "learned"]),
)
def test_values_and_gradients_are_the_kernels(
    query_len: int, key_len: int, kv_heads: int, kind: str
) -> None:
    """In float64, padded keys and heads that share keys included."""
    torch.manual_seed(key_len)
    query = torch.randn(2, 4, query_len, 8, dtype=torch.float64, requires_grad=True)
    key, value = (
        torch.randn(2, kv_heads, key_len, 8, dtype=torch.float64, requires_grad=True)
        for _ in range(2)
    )
    mask = None
    if kind == "boolean":
        mask = torch.rand(query_len, key_len) < 0.5
        mask[:, 0] = True
    elif kind != "none":
        mask = torch.randn(1, 4, query_len, key_len, dtype=torch.float64)
        mask.requires_grad_(kind == "learned")
    inputs = [query, key, value] + ([mask] if mask is not None and mask.requires_grad else [])
    ours = explicit_attention(query, key, value, mask)
    theirs = F.scaled_dot_product_attention(query, key, value, attn_mask=mask, enable_gqa=True)
    torch.testing.assert_close(ours, theirs)
    upstream = torch.randn_like(ours)
    for a, b in zip(
        torch.autograd.grad(ours, inputs, upstream),
        torch.autograd.grad(theirs, inputs, upstream),
        strict=True,
    ):
        torch.testing.assert_close(a, b)


def test_dropped_weights_give_nothing_and_the_others_more() -> None:
    torch.manual_seed(3)
    query, key = torch.randn(1, 1, 4, 8), torch.randn(1, 1, 20, 8)
    identity = torch.eye(20)[None, None]
    weights = explicit_attention(query, key, identity, None)
    zeroed = explicit_attention(query, key, identity, None, dropout=0.5)
    nonzero = zeroed != 0
    assert 0 < int(nonzero.sum()) < nonzero.numel()
    torch.testing.assert_close(zeroed[nonzero], 2 * weights[nonzero])


def test_a_second_derivative_is_refused_rather_than_wrong() -> None:
    """The weights that it saves are constants to a second backward pass."""
    torch.manual_seed(1)
    query = torch.randn(1, 1, 4, 8, dtype=torch.bfloat16, requires_grad=True)
    output = explicit_attention(query, query, query, None)
    (first,) = torch.autograd.grad((output.float() ** 2).sum(), query, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.sum().backward()
