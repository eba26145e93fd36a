"""PyTorch's operator for a whole layer: where it is used, and what it gives."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from clearhead.nn.multihead._native import native_attention
from clearhead.nn.multihead._parameters import ForwardSettings, Parameters
from clearhead.nn.multihead.layer import MultiheadAttention
from tests.nn.multihead.pairs import assert_same


@pytest.mark.parametrize("average", [True, False])
def test_short_inference_is_pytorchs_native_operator(
    monkeypatch: pytest.MonkeyPatch, average: bool
) -> None:
    """The same bits as PyTorch's layer, which takes it there; elsewhere it is left alone."""
    calls = []
    native = torch._native_multi_head_attention

    def count_calls(*args: Any) -> tuple[Tensor, Tensor]:
        calls.append(args)
        return native(*args)

    torch.manual_seed(0)
    theirs = nn.MultiheadAttention(16, 2, batch_first=True).eval()
    ours = MultiheadAttention(16, 2, batch_first=True).eval()
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(2, 5, 16)
    padding = torch.zeros(2, 5, dtype=torch.bool)
    with torch.no_grad():
        expected = theirs(x, x, x, average_attn_weights=average)
        monkeypatch.setattr(torch, "_native_multi_head_attention", count_calls)
        actual = ours(x, x, x, average_attn_weights=average)
        assert len(calls) == 1
        assert all(torch.equal(a, b) for a, b in zip(actual, expected, strict=True))
        assert_same(
            ours(x, x, x, key_padding_mask=padding, average_attn_weights=average), expected, 1e-6
        )
        ours(x, x.clone(), x)
        ours(x, x, x, need_weights=False)
        with torch.autocast("cpu"):
            ours(x, x, x)
        with torch.enable_grad():
            ours(x, x, x)
        ours.half()(x.half(), x.half(), x.half())
    assert len(calls) == 1


SETTINGS = ForwardSettings(
    embed_dim=16, num_heads=2, batch_first=True, add_zero_attn=False, dropout=0.0,
    need_weights=True, average=False, causal=False,
)  # fmt: skip


def parameters(**changes: Tensor | None) -> Parameters:
    torch.manual_seed(0)
    layer = nn.MultiheadAttention(16, 2, batch_first=True)
    usual = Parameters(
        layer.in_proj_weight.detach(), layer.in_proj_bias.detach(), None, None,
        layer.out_proj.weight.detach(), layer.out_proj.bias.detach(), None,
    )  # fmt: skip
    return usual._replace(**changes)


def test_its_output_is_made_from_its_weights() -> None:
    x, weight = torch.randn(2, 5, 16), parameters()
    output, weights = native_attention(x, x, x, weight, SETTINGS)
    values = nn.functional.linear(x, weight.in_proj_weight[32:], weight.in_proj_bias[32:])
    heads = weights @ values.unflatten(-1, (2, 8)).transpose(1, 2)
    expected = nn.functional.linear(
        heads.transpose(1, 2).flatten(2), weight.out_proj_weight, weight.out_proj_bias
    )
    torch.testing.assert_close(output, expected)
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 2, 5))


@pytest.mark.parametrize(
    "settings",
    [
        {"batch_first": False}, {"add_zero_attn": True}, {"dropout": 0.1}, {"need_weights": False},
        {"need_weights": "map"}, {"num_heads": 1},
    ],
    ids=str,
)  # fmt: skip
def test_other_settings_are_not_for_it(settings: dict[str, object]) -> None:
    x = torch.randn(2, 5, 16)
    assert native_attention(x, x, x, parameters(), SETTINGS._replace(**settings)) is None


@pytest.mark.parametrize("name", ["in_proj_weight", "in_proj_bias", "out_proj_bias"])
def test_it_needs_all_weights(name: str) -> None:
    x = torch.randn(2, 5, 16)
    assert native_attention(x, x, x, parameters(**{name: None}), SETTINGS) is None


def test_inputs_that_are_not_plain_or_need_gradients_are_not_for_it() -> None:
    x, weight = torch.randn(2, 5, 16), parameters()
    assert native_attention(x, x.clone(), x, weight, SETTINGS) is None
    assert native_attention(x[:, :0], x[:, :0], x[:, :0], weight, SETTINGS) is None
    half = x.half()
    assert native_attention(half, half, half, weight, SETTINGS) is None
    learned = x.clone().requires_grad_()
    assert native_attention(learned, learned, learned, weight, SETTINGS) is None
    with torch.no_grad():
        assert native_attention(learned, learned, learned, weight, SETTINGS) is not None
    with torch.autocast("cpu"):
        assert native_attention(x, x, x, weight, SETTINGS) is None
