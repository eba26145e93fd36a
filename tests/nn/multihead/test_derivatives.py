"""Second derivatives, forward mode and function transforms, as PyTorch's own layer has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import forward_ad

from tests.nn.multihead.pairs import BATCH, QUERY_LEN, WIDTH, assert_same, pair, use_tiles

KINDS = ["none", "bool", "float", "padding", "causal", "blind"]
Function = Callable[[Tensor], Tensor]


def masks(kind: str) -> dict[str, Any]:
    later = torch.ones(QUERY_LEN, QUERY_LEN, dtype=torch.bool).triu(1)
    padding = torch.zeros(BATCH, QUERY_LEN, dtype=torch.bool)
    padding[0, 3:] = True
    blind = later.clone()
    blind[2] = True
    return {
        "none": {},
        "bool": {"attn_mask": later},
        "float": {"attn_mask": torch.linspace(-1, 1, QUERY_LEN**2).double().view(QUERY_LEN, -1)},
        "padding": {"key_padding_mask": padding},
        "causal": {"attn_mask": later, "is_causal": True},
        "blind": {"attn_mask": blind},
    }[kind]


def point(layer: nn.MultiheadAttention) -> Tensor:
    shape = (BATCH, QUERY_LEN, WIDTH) if layer.batch_first else (QUERY_LEN, BATCH, WIDTH)
    return torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def number(layer: nn.MultiheadAttention, average: bool = True, **options: Any) -> Function:
    """A number made from output and weights; without weights, PyTorch's of its layer with them."""
    need_weights = options.pop("need_weights", True)
    requests = need_weights or type(layer) is nn.MultiheadAttention

    def of(x: Tensor) -> Tensor:
        output, weights = layer(
            x, x, x, need_weights=requests, average_attn_weights=average, **options
        )
        return (output**2).sum() + ((weights**3).sum() if need_weights else 0.0)

    return of


def penalty(function: Function, x: Tensor, *others: Tensor) -> Any:
    """What a gradient penalty gives to the input and the parameters."""
    x = x.clone().requires_grad_()
    (grad,) = torch.autograd.grad(function(x), x, create_graph=True)
    loss = ((grad.norm() - 1) ** 2) + function(x)
    return torch.autograd.grad(loss, [x, *others], allow_unused=True, materialize_grads=True)


def forward_mode(function: Function, x: Tensor) -> Any:
    with forward_ad.dual_level():
        return forward_ad.unpack_dual(function(forward_ad.make_dual(x, x.cos()))).tangent


WAYS: dict[str, Callable[[Function, Tensor], Any]] = {
    "penalty": penalty,
    "jvp": lambda f, x: torch.func.jvp(f, (x,), (x.sin(),)),
    "hessian": lambda f, x: torch.func.hessian(f)(x),
    "older hessian": lambda f, x: torch.autograd.functional.hessian(f, x),
    "jacrev twice": lambda f, x: torch.func.jacrev(torch.func.jacrev(f))(x),
    "grad": lambda f, x: torch.func.grad(f)(x),
    "vmap of jvp": lambda f, x: torch.func.vmap(lambda v: torch.func.jvp(f, (x,), (v,))[1])(
        torch.stack([x.sin(), x.cos(), x])
    ),
    "jvp of grad": lambda f, x: torch.func.jvp(torch.func.grad(f), (x,), (x.sin(),)),
    "vmap of grad": lambda f, x: torch.func.vmap(torch.func.grad(f))(torch.stack([x, -x])),
    "forward mode": forward_mode,
}


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", WAYS)
def test_derivatives_are_those_of_pytorch(way: str, kind: str, need_weights: bool) -> None:
    """Without weights PyTorch's layer has none of most; then its own with weights is compared."""
    theirs, ours = pair(batch_first=True)
    actual = [
        WAYS[way](number(layer, need_weights=need_weights, **masks(kind)), point(layer))
        for layer in (theirs, ours)
        if kind != "blind" or layer is ours  # PyTorch's gives NaN to a query that sees nothing
    ]
    if kind == "blind":
        flat = torch.utils._pytree.tree_leaves(actual)
        assert all(x.isfinite().all() for x in flat)
    else:
        assert_same(actual[1], actual[0], 1e-9)


@pytest.mark.parametrize("average", [True, False])
@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("tiles", [True, False])
def test_a_gradient_penalty_reaches_the_parameters(
    monkeypatch: pytest.MonkeyPatch, tiles: bool, batch_first: bool, average: bool
) -> None:
    if tiles:
        use_tiles(monkeypatch)
    for options in ({}, {"add_bias_kv": True, "add_zero_attn": True}, {"bias": False}):
        actual = [
            penalty(number(layer, average), point(layer), *layer.parameters())
            for layer in pair(batch_first=batch_first, **options)
        ]
        assert_same(actual[1], actual[0], 1e-9)


def test_a_gradient_penalty_with_dropout(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same seed drops the same weights as in PyTorch's layer."""
    actual = []
    for layer in pair(dropout=0.5, batch_first=True):
        torch.manual_seed(3)
        actual.append(penalty(number(layer), point(layer)))
    assert_same(actual[1], actual[0], 1e-9)


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_gradgradcheck(kind: str, need_weights: bool) -> None:
    _, ours = pair(batch_first=True)

    def results(x: Tensor) -> tuple[Tensor, ...]:
        actual = ours(x, x, x, need_weights=need_weights, **masks(kind))
        return tuple(y for y in actual if y is not None)

    x = point(ours).requires_grad_()
    assert torch.autograd.gradcheck(results, (x,), fast_mode=True)
    assert torch.autograd.gradgradcheck(results, (x,), fast_mode=True)


@pytest.mark.parametrize("need_weights", [True, False])
def test_gradients_of_each_sample(need_weights: bool) -> None:
    theirs, ours = pair(batch_first=True)
    actual = []
    for layer in (theirs, ours):

        def loss(parameters: dict[str, Tensor], x: Tensor, layer: nn.Module = layer) -> Tensor:
            options = {"need_weights": need_weights}
            return torch.func.functional_call(layer, parameters, (x, x, x), options)[0].sum()

        parameters = {name: x.detach() for name, x in layer.named_parameters()}
        each = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0))
        actual.append(each(parameters, point(layer)))
    assert_same(actual[1], actual[0], 1e-9)


def test_the_first_derivative_without_weights_is_the_fused_kernels() -> None:
    """The way to a second one changes no bit of output and gradient."""
    from clearhead.nn.multihead._weights import attend

    torch.manual_seed(0)
    query, key, value = (torch.randn(2, 3, 40, 8, requires_grad=True) for _ in range(3))
    output, _ = attend(query, key, value)
    expected = nn.functional.scaled_dot_product_attention(query, key, value)
    assert torch.equal(output, expected)
    grads = [torch.autograd.grad((x**2).sum(), (query, key, value)) for x in (output, expected)]
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(*grads, strict=True))
