"""Weights beside the output: the types, the masks and the precisions in which they come."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor, nn

from clearhead.nn.multihead.layer import MultiheadAttention
from tests.nn.multihead.pairs import QUERY_LEN, assert_same, pair, random_inputs, use_tiles

LENGTH = 40
KINDS = ["none", "bool", "float", "lowest", "padding", "floating padding", "causal"]


def masks(kind: str, dtype: torch.dtype = torch.float32) -> dict[str, Tensor | bool]:
    """Masks of 40 queries and keys under which every query sees itself."""
    later = torch.ones(LENGTH, LENGTH, dtype=torch.bool).triu(1)
    last = torch.zeros(1, LENGTH, dtype=torch.bool)
    last[:, -2:] = True
    actual: dict[str, dict[str, Tensor | bool]] = {
        "none": {},
        "bool": {"attn_mask": later},
        "float": {"attn_mask": torch.linspace(-1, 1, LENGTH**2, dtype=dtype).view(LENGTH, -1)},
        "lowest": {
            "attn_mask": torch.zeros(LENGTH, LENGTH, dtype=dtype).masked_fill(
                later, torch.finfo(dtype).min
            )
        },
        "padding": {"key_padding_mask": last},
        "floating padding": {
            "key_padding_mask": torch.zeros(1, LENGTH, dtype=dtype).masked_fill(last, -torch.inf)
        },
        "causal": {"attn_mask": later, "is_causal": True},
    }
    return actual[kind]


def test_a_learned_mask_gets_its_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    use_tiles(monkeypatch)
    theirs, ours = pair()
    inputs = random_inputs(theirs)
    grads = []
    for layer in (theirs, ours):
        mask = torch.linspace(-1, 1, QUERY_LEN**2, dtype=torch.float64)
        mask = mask.view(QUERY_LEN, QUERY_LEN).requires_grad_()
        output, weights = layer(*inputs, attn_mask=mask)
        grads += torch.autograd.grad((output**2).sum() + (weights**2).sum(), [mask])
    assert_same(grads[1], grads[0])


@pytest.mark.parametrize("tiles", [False, True])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "lowest"])
def test_autocast_gives_the_types_that_pytorch_gives(
    monkeypatch: pytest.MonkeyPatch, kind: str, dtype: torch.dtype, tiles: bool
) -> None:
    """Whatever the mask: the weights' type is that of a softmax, in training and inference."""
    if tiles:
        use_tiles(monkeypatch)
    for derived, average, need_weights in itertools.product([True, False], repeat=3):
        actual = []
        for layer in pair(dtype=torch.float32, batch_first=True):
            torch.manual_seed(1)
            x = torch.randn(1, LENGTH, layer.embed_dim, requires_grad=derived)
            with torch.autocast("cpu", dtype=dtype), torch.set_grad_enabled(derived):
                options = {"need_weights": need_weights, "average_attn_weights": average}
                output, weights = layer(x, x, x, **options, **masks(kind))
            grad = None
            if derived:
                loss = output.float().sum()
                loss = loss if weights is None else loss + (weights.float() ** 2).sum()
                (grad,) = torch.autograd.grad(loss, x)
                assert grad.dtype == torch.float32
            actual.append((output, weights, grad))
        assert_same(actual[1], actual[0], 5e-2)  # in type as well


@pytest.mark.parametrize("tiles", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("gain", [1, 30, 300, 3000])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_large_scores_never_give_nan_beside_a_finite_output(
    monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype, gain: int, kind: str, tiles: bool
) -> None:
    """Weights are finite where the output is, with and without weights, and sum to one."""
    if tiles:
        use_tiles(monkeypatch)
    torch.manual_seed(0)
    layer = MultiheadAttention(16, 2, batch_first=True, dtype=dtype)
    for derived, average in itertools.product([True, False], repeat=2):
        x = (torch.randn(1, LENGTH, 16) * gain).to(dtype).requires_grad_(derived)
        given = masks(kind, dtype)
        output, weights = layer(x, x, x, average_attn_weights=average, **given)
        alone, _ = layer(x, x, x, need_weights=False, **given)
        assert output.isfinite().all()
        assert alone.isfinite().all()
        assert weights.dtype == dtype
        sums = weights.float().sum(-1)
        torch.testing.assert_close(sums, torch.ones_like(sums), rtol=2e-2, atol=2e-2)
        if derived:
            loss = output.float().mean() + (weights.float() ** 2).mean()
            assert torch.autograd.grad(loss, x)[0].isfinite().all()


@pytest.mark.parametrize("average", [True, False])
def test_half_precision_is_float32_rounded_once(average: bool) -> None:
    """Weights are nearer to float32's than PyTorch's are, which pass through half precision."""
    torch.manual_seed(0)
    theirs = nn.MultiheadAttention(16, 2, batch_first=True, dtype=torch.bfloat16)
    ours = MultiheadAttention(16, 2, batch_first=True, dtype=torch.bfloat16)
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(1, LENGTH, 16).bfloat16() * 4
    query, key, _ = nn.functional.linear(x, ours.in_proj_weight, ours.in_proj_bias).chunk(3, -1)
    heads = [y.float().unflatten(-1, (2, 8)).transpose(1, 2) for y in (query, key)]
    exact = torch.softmax(heads[0] @ heads[1].transpose(-1, -2) / 8**0.5, -1)
    exact = exact.mean(1) if average else exact
    actual = ours(x, x, x, average_attn_weights=average)[1]
    assert torch.equal(actual, exact.bfloat16()) or (actual - exact).abs().max() < 2**-8
    other = theirs(x, x, x, average_attn_weights=average)[1]
    assert (actual - exact).abs().mean() < (other - exact).abs().mean()
