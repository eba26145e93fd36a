"""Weights in tiles: the plain formula's values and derivatives, at any size."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from clearhead.nn import _attention_weights
from clearhead.nn._attention_weights import Scoring, attention_weights, dense_weights
from tests.nn.multihead import QUERY_LEN, assert_same, pair, random_inputs, use_tiles


@pytest.mark.parametrize("average", [True, False])
@pytest.mark.parametrize("lengths", [(70, 50), (50, 70)])
@pytest.mark.parametrize("mask_shape", ["causal", "none", "shared", "own", "padding"])
def test_tiled_weights_are_the_plain_formula(
    monkeypatch: pytest.MonkeyPatch, mask_shape: str, lengths: tuple[int, int], average: bool
) -> None:
    """Values, first and second derivatives, with a row that sees nothing."""
    use_tiles(monkeypatch)
    torch.manual_seed(0)
    query_len, key_len = lengths
    query = torch.randn(2, 3, query_len, 4, dtype=torch.float64, requires_grad=True)
    key = torch.randn(2, 3, key_len, 4, dtype=torch.float64, requires_grad=True)
    mask = None
    if mask_shape in ("shared", "own", "padding"):
        shapes = {"shared": (1, 1, query_len), "own": (2, 3, query_len), "padding": (2, 1, 1)}
        mask = torch.randn(*shapes[mask_shape], key_len, dtype=torch.float64)
        mask[mask > 0.5] = -torch.inf
        mask[-1, :, 3 if mask_shape != "padding" else 0] = -torch.inf
    mask, blocked = _attention_weights.open_blocked_rows(mask)
    scoring = Scoring(mask, blocked, mask_shape == "causal")
    tiled = attention_weights(query, key, scoring, average=average)
    plain = dense_weights(query, key, scoring)
    plain = plain.mean(1) if average else plain
    assert type(tiled.grad_fn).__name__ == "_TiledWeightsBackward"
    assert_same(tiled, plain, 1e-14)

    def derivatives(weights: Tensor) -> tuple[Tensor, ...]:
        loss = (weights**2).sum()
        first = torch.autograd.grad(loss, (query, key), retain_graph=True)
        again = torch.autograd.grad(loss, (query, key), create_graph=True)
        second = torch.autograd.grad((again[0] ** 2).sum() + again[1].sum(), (query, key))
        return (*first, *again, *second)

    assert_same(derivatives(tiled), derivatives(plain))


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


def test_autocast_gives_the_types_that_pytorch_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs, ours = pair(dtype=torch.float32)
    inputs = random_inputs(theirs)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        expected = theirs(*inputs)
        dense = ours(*inputs)
        use_tiles(monkeypatch)
        tiled = ours(*inputs)
    for found in (dense, tiled):
        assert [x.dtype for x in found] == [x.dtype for x in expected]
        assert_same(found, expected, 3e-2)
