"""The drop-in multi-head attention and the NumPy reference are the same numbers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from clearhead import reference
from clearhead.nn.multihead.layer import MultiheadAttention


def reference_output(
    layer: MultiheadAttention,
    query: np.ndarray,
    memory: np.ndarray,
    allowed: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """The layer's projections around `reference.attention`, [batch, length, width]."""
    state = {name: x.double().numpy() for name, x in layer.state_dict().items()}
    weights = np.split(state["in_proj_weight"], 3)
    biases = np.split(state["in_proj_bias"], 3)

    def heads(x: np.ndarray, part: int) -> np.ndarray:
        x = x @ weights[part].T + biases[part]
        return x.reshape(*x.shape[:2], layer.num_heads, -1).swapaxes(1, 2)

    output, attention = reference.attention(
        heads(query, 0), heads(memory, 1), heads(memory, 2), mask=allowed
    )
    concatenated = output.swapaxes(1, 2).reshape(query.shape)
    return concatenated @ state["out_proj.weight"].T + state["out_proj.bias"], attention


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-5)])
@given(
    batch=st.integers(1, 3),
    heads=st.integers(1, 4),
    head_dim=st.integers(1, 5),
    query_len=st.integers(1, 6),
    key_len=st.integers(1, 6),
    causal=st.booleans(),
    visible=st.floats(0.0, 1.0),
    seed=st.integers(0, 1000),
)
def test_output_and_weights_agree(
    dtype: torch.dtype,
    tolerance: float,
    batch: int,
    heads: int,
    head_dim: int,
    query_len: int,
    key_len: int,
    causal: bool,
    visible: float,
    seed: int,
) -> None:
    """Padding and masks of any density, so that some queries see nothing."""
    torch.manual_seed(seed)
    layer = MultiheadAttention(heads * head_dim, heads, batch_first=True, dtype=dtype)
    torch.nn.init.normal_(layer.in_proj_bias)
    torch.nn.init.normal_(layer.out_proj.bias)
    query = torch.randn(batch, query_len, heads * head_dim, dtype=dtype)
    memory = torch.randn(batch, key_len, heads * head_dim, dtype=dtype)
    hidden = torch.rand(query_len, key_len) > visible
    if causal:
        hidden |= torch.ones_like(hidden).triu(1)
    padding = torch.rand(batch, key_len) > visible
    expected, expected_weights = reference_output(
        layer,
        query.double().numpy(),
        memory.double().numpy(),
        ~(hidden[None, None] | padding[:, None, None]).numpy(),
    )
    with torch.no_grad():
        output, weights = layer(
            query,
            memory,
            memory,
            key_padding_mask=padding,
            attn_mask=hidden,
            average_attn_weights=False,
        )
        _, average = layer(query, memory, memory, key_padding_mask=padding, attn_mask=hidden)
    np.testing.assert_allclose(output, expected, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(weights, expected_weights, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(average, expected_weights.mean(1), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-5)])
def test_long_sequences_agree(dtype: torch.dtype, tolerance: float) -> None:
    """Long enough for several tiles of weights and blocks of the fused kernel."""
    torch.manual_seed(0)
    length, width = 1200, 16
    layer = MultiheadAttention(width, 2, batch_first=True, dtype=dtype)
    x = torch.randn(1, length, width, dtype=dtype)
    hidden = torch.ones(length, length, dtype=torch.bool).triu(1)
    expected, expected_weights = reference_output(
        layer, x.double().numpy(), x.double().numpy(), ~hidden.numpy()
    )
    for hint in (False, True):
        with torch.no_grad():
            output, weights = layer(x, x, x, attn_mask=hidden, is_causal=hint)
        np.testing.assert_allclose(output, expected, rtol=tolerance, atol=tolerance)
        np.testing.assert_allclose(
            weights, expected_weights.mean(1), rtol=tolerance, atol=tolerance
        )
