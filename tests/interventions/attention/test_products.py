"""Products with their axes in one order."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from clearhead.interventions.attention.products import product_of

Q, K = torch.randn(2, 2, 3, 5, 4, generator=torch.Generator().manual_seed(0)).unbind(0)
KEYS_LAST = K.transpose(1, 2)


@pytest.mark.parametrize(
    ("func", "args", "kwargs"),
    [
        (torch.matmul, (Q, K.mT), {}),
        (Tensor.__matmul__, (Q, K.mT), {}),
        (Tensor.matmul, (Q,), {"other": K.mT}),
        (torch.einsum, ("bhqd, bhkd -> bhqk", Q, K), {}),
        (torch.einsum, ("bhqd,bkhd->bqhk", (Q, KEYS_LAST)), {}),
        (torch.bmm, (Q.flatten(0, 1),), {"mat2": K.flatten(0, 1).mT}),
        (torch.baddbmm, (torch.ones(1), Q.flatten(0, 1), K.flatten(0, 1).mT), {"beta": 2.0}),
    ],
)
def test_factors(func, args, kwargs):
    product = product_of(func, args, kwargs)
    rows, columns = product.rows, product.columns
    assert torch.equal(rows.reshape(Q.shape), Q)
    assert torch.equal(columns.reshape(K.shape), K)
    assert torch.equal(product.with_rows(rows), product.left_factor)
    assert torch.equal(product.with_inner(product.inner), product.right_factor)
    out = product.compute(product.left_factor, product.right_factor)
    assert torch.equal(out, func(*args, **kwargs))
    added = 2.0 if func is torch.baddbmm else 0.0
    torch.testing.assert_close(product.output(out).reshape(2, 3, 5, 5), Q @ K.mT + added)
    assert torch.equal(product.with_output(product.output(out)), out)


def test_what_is_no_product_of_two_activations():
    weight = nn.Parameter(torch.randn(4, 4))
    assert product_of(torch.matmul, (Q, weight), {}) is None
    assert product_of(torch.matmul, (Q[0, 0], weight.T), {}) is None
    assert product_of(torch.matmul, (Q, K[0, 0].mT), {}) is None
    assert product_of(torch.matmul, (Q, K.mT), {"out": torch.empty(0)}) is None
    assert product_of(torch.einsum, ("bhqd,bhkd->bhq", Q, K), {}) is None
    assert product_of(torch.einsum, ("bhqd->bhq", Q), {}) is None
