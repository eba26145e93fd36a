"""The model's own attention: kernels agree, masked rows are zeros, groups share keys."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from clearhead.config import TransformerConfig
from clearhead.errors import ShapeError
from clearhead.nn.attention import (
    Attention,
    KeyValue,
    attendable,
    causal_mask,
    combine,
    fused_attention,
    window_mask,
)
from clearhead.nn.positions import rotary_rates, rotary_rotation


def by_hand(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    visible: torch.Tensor | None,
    bias: torch.Tensor | None = None,
    scale: float | None = None,
    softcap: float | None = None,
) -> torch.Tensor:
    """softmax(softcap(Q K^T / sqrt(head_dim)) + bias) V, query by query."""
    batch, heads, query_len, head_dim = query.shape
    group = heads // key.shape[1]
    output = torch.zeros(*query.shape[:3], value.shape[-1], dtype=query.dtype)
    for b in range(batch):
        for h in range(heads):
            for i in range(query_len):
                scores = key[b, h // group] @ query[b, h, i] * (scale or head_dim**-0.5)
                if softcap is not None:
                    scores = softcap * torch.tanh(scores / softcap)
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


@given(
    shapes(),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.sampled_from([None, 1.0, 0.2]),
    st.sampled_from([None, 0.8]),
    st.integers(0, 999),
)
def test_it_is_the_formula(
    shape: tuple[int, int, int, int, int, int],
    masked: bool,
    biased: bool,
    causal: bool,
    scale: float | None,
    softcap: float | None,
    seed: int,
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
    output = fused_attention(
        query, key, value, mask=mask, bias=bias, causal=causal, scale=scale, softcap=softcap
    )
    expected = by_hand(query, key, value, visible, bias, scale, softcap)
    torch.testing.assert_close(output, expected)


def test_causality_is_aligned_with_the_last_key() -> None:
    assert causal_mask(2, 4).int().tolist() == [[1, 1, 1, 0], [1, 1, 1, 1]]
    assert causal_mask(3, 3).int().tolist() == [[1, 0, 0], [1, 1, 0], [1, 1, 1]]


def test_a_window_is_so_many_positions_with_the_query_its_own() -> None:
    both = causal_mask(4, 4) & window_mask(4, 4, 2)
    assert both.int().tolist() == [[1, 0, 0, 0], [1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1]]
    assert window_mask(1, 4, 2).int().tolist() == [[0, 0, 1, 1]]  # the last query, in steps
    assert window_mask(4, 4, 4) is None  # nothing is out of it
    assert window_mask(9, 9, 0) is None


def test_masks_together() -> None:
    first, second = torch.tensor([True, True, False]), torch.tensor([True, False, False])
    assert combine(None, None) is None
    assert combine(first, None) is first
    assert combine(None, second) is second
    assert combine(first, second).tolist() == [True, False, False]


def test_a_mask_of_a_text_is_checked() -> None:
    real = torch.tensor([[True, False], [True, True]])
    assert attendable(None, (2, 2)) is None
    assert attendable(torch.ones(2, 2, dtype=torch.bool), (2, 2)) is None
    assert torch.equal(attendable(real, (2, 2)), real[:, None, None])
    with pytest.raises(
        ShapeError, match=r"positions, \(2, 3\); it holds torch.bool of .* \(2, 2\)"
    ):
        attendable(real, (2, 3))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("softcap", [None, 5.0])
def test_fully_masked_rows_are_zeros_with_gradients_that_are_numbers(
    dtype: torch.dtype, training: bool, biased: bool, softcap: float | None
) -> None:
    torch.manual_seed(0)
    query, key, value = (torch.randn(2, 2, 3, 4, dtype=dtype) for _ in range(3))
    query.requires_grad_(training)
    mask = torch.ones(2, 1, 3, 3, dtype=torch.bool)
    mask[0, 0, 1] = False
    mask[1] = False
    bias = torch.randn(2, 3, 3).to(dtype) if biased else None
    output = fused_attention(query, key, value, mask=mask, bias=bias, softcap=softcap)
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


def test_heads_of_another_width_with_norms_and_biases_here_and_not_there() -> None:
    """Step by step: project, split, norm, rotate, attend, join, project."""
    torch.manual_seed(2)
    config = CONFIG.replace(
        positions="rotary",
        attention={"head_dim": 8, "head_norm": True, "scale": 0.3, "output_bias": False},
        rotary={"dim": 4},
    )
    layer = Attention(config).double()
    assert layer.query.weight.shape == (32, 12)
    assert layer.key.bias.shape == (16,)
    assert layer.output.bias is None
    for norm in (layer.query_norm, layer.key_norm):
        torch.nn.init.normal_(norm.weight, 1.0)
    x = torch.randn(2, 5, 12, dtype=torch.float64)

    def normed(heads: torch.Tensor, norm: torch.nn.Module) -> torch.Tensor:
        size = heads.square().mean(-1, keepdim=True)
        return heads / (size + config.norm_epsilon).sqrt() * norm.weight

    rotation = rotary_rotation(torch.arange(5), rotary_rates(config))
    query = normed(layer.query(x).view(2, 5, 4, 8).transpose(1, 2), layer.query_norm)
    key = normed(layer.key(x).view(2, 5, 2, 8).transpose(1, 2), layer.key_norm)
    value = layer.value(x).view(2, 5, 2, 8).transpose(1, 2)
    turned = []
    for heads in (query, key):
        a, b, rest = heads.split([2, 2, 4], dim=-1)
        cosine, sine = rotation
        turned.append(torch.cat((a * cosine - b * sine, b * cosine + a * sine, rest), -1))
    visible = causal_mask(5, 5)[None, None]
    heads = by_hand(*turned, value, visible, scale=0.3)
    expected = layer.output(heads.transpose(1, 2).reshape(2, 5, 32))
    ours, present = layer.self_attention(x, causal=True, rotation=rotation)
    torch.testing.assert_close(ours, expected)
    torch.testing.assert_close(present.key, turned[1])


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
