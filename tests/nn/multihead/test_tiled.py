"""Attention in tiles: the plain formula's values and derivatives, at any size."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from clearhead.nn.multihead import _tiled as _tiled_attention
from clearhead.nn.multihead import _tiles as _attention_tiles
from clearhead.nn.multihead._formula import Masking, plain_attention
from clearhead.nn.multihead._weights import attend, open_blocked_rows
from tests.nn.multihead.pairs import assert_same, use_tiles

# The layouts of batch_first, of its opposite, and of a tensor that was made so.
LAYOUTS = [(0, 2, 1, 3), (1, 2, 0, 3), (0, 1, 2, 3)]


def draw(length: int, order: tuple[int, ...], batch: int = 3, dtype: torch.dtype | None = None):
    """Float["batch 2 length 4"], its axes in memory in another order."""
    shape = (batch, 2, length, 4)
    places = [order.index(axis) for axis in range(4)]
    x = torch.randn([shape[axis] for axis in order], dtype=dtype or torch.float64)
    return x.permute(places).requires_grad_()


def draw_mask(kind: str, query_len: int, key_len: int) -> Tensor | None:
    """An additive mask with rows in which all is -inf, where the kind has any."""
    shapes = {"shared": (1, 1, query_len), "own": (3, 2, query_len), "padding": (3, 1, 1)}
    if kind not in shapes:
        return None
    mask = torch.randn(*shapes[kind], key_len, dtype=torch.float64)
    mask[mask > 0.5] = -torch.inf
    mask[-1, :, 3 if kind != "padding" else 0] = -torch.inf
    return mask


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("average", [True, False])
@pytest.mark.parametrize("lengths", [(70, 50), (50, 70)])
@pytest.mark.parametrize("kind", ["causal", "none", "shared", "own", "padding"])
def test_tiles_are_the_plain_formula(
    monkeypatch: pytest.MonkeyPatch, kind: str, lengths: tuple[int, int], average: bool, keep: bool
) -> None:
    """Values, first and second derivatives, of output, weights and both."""
    use_tiles(monkeypatch)
    monkeypatch.setattr(_tiled_attention, "KEPT_ELEMENTS", 2**20 if keep else 0)
    torch.manual_seed(0)
    query, key, value = (
        draw(n, order) for n, order in zip((*lengths, lengths[1]), LAYOUTS, strict=True)
    )
    mask = draw_mask(kind, *lengths)
    tiled = attend(
        query, key, value, mask=mask, causal=kind == "causal", need_weights=True, average=average
    )
    assert type(tiled[1].grad_fn).__name__ == "_TiledAttentionBackward"
    output, weights = plain_attention(
        query, key, value, Masking(*open_blocked_rows(mask), kind == "causal")
    )
    plain = output, weights.mean(1) if average else weights
    assert_same(tiled, plain, 1e-13)
    inputs = (query, key, value)

    def derivatives(found: tuple[Tensor, Tensor]) -> list[Tensor]:
        both = (found[0] ** 2).sum() + (found[1] ** 3).sum()
        result: list[Tensor] = []
        for loss in ((found[0] ** 2).sum(), (found[1] ** 2).sum(), both):
            result += torch.autograd.grad(
                loss, inputs, retain_graph=True, allow_unused=True, materialize_grads=True
            )
        first = torch.autograd.grad(both, inputs, create_graph=True)
        return [*result, *first, *torch.autograd.grad(sum((x**2).sum() for x in first), inputs)]

    assert_same(derivatives(tiled), derivatives(plain))


@pytest.mark.parametrize("average", [True, False])
@pytest.mark.parametrize("budget", [1, 300, 3000, 6000, 10**6])
def test_any_size_of_tile_gives_the_same(
    monkeypatch: pytest.MonkeyPatch, budget: int, average: bool
) -> None:
    """Some rows, some heads, all heads of a batch row, several batch rows, everything."""
    use_tiles(monkeypatch)
    for name in ("TILE_ELEMENTS", "TILE_ELEMENTS_SHARED"):
        monkeypatch.setattr(_attention_tiles, name, budget)
    torch.manual_seed(0)
    query, key, value = (draw(40, order, batch=4) for order in LAYOUTS)
    found = attend(query, key, value, need_weights=True, average=average)
    output, weights = plain_attention(query, key, value, Masking(None, None, False))
    plain = output, weights.mean(1) if average else weights
    assert_same(found, plain, 1e-13)
    grads = [
        torch.autograd.grad((x[0] ** 2).sum() + (x[1] ** 2).sum(), (query, key, value))
        for x in (found, plain)
    ]
    assert_same(grads[0], grads[1])


def test_another_number_of_threads_in_between_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Kept weights are found again by the tiles of the forward pass."""
    use_tiles(monkeypatch)
    monkeypatch.setattr(_attention_tiles, "TILE_ELEMENTS_SHARED", 10**6)
    torch.manual_seed(0)
    query, key, value = (draw(70, order) for order in LAYOUTS)
    before, grads = torch.get_num_threads(), []
    try:
        for threads in ((1, 1), (1, 2), (2, 1)):
            torch.set_num_threads(threads[0])
            output, weights = attend(query, key, value, need_weights=True)
            torch.set_num_threads(threads[1])
            loss = (output**2).sum() + (weights**2).sum()
            grads.append(torch.autograd.grad(loss, (query, key, value)))
    finally:
        torch.set_num_threads(before)
    assert_same(grads[1], grads[0])
    assert_same(grads[2], grads[0])


def test_without_a_gradient_the_scores_of_one_tile_are_all_there_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No tensor of [batch, heads, query_len, key_len] is made where the mean was asked for."""
    use_tiles(monkeypatch)
    query, key, value = (draw(200, order).detach() for order in LAYOUTS)
    made = []

    class Sizes(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, function, types, arguments=(), options=None):
            result = function(*arguments, **(options or {}))
            made.extend(x.numel() for x in [result] if isinstance(x, Tensor))
            return result

    masking = Masking(None, None, False)
    with Sizes():
        _tiled_attention.tiled_attention(query, key, value, masking, True, torch.float64)
    assert max(made) == 3 * 200 * 200  # the mean itself
