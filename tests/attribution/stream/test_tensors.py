"""Tensors are known by their storage."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from clearhead.attribution.stream.tensors import (  # noqa: E402
    is_length_first,
    is_vectors,
    may_be_norm,
    storage_of,
    tensors_in,
)


def test_views_share_a_storage():
    x = torch.ones(2, 3)
    assert storage_of(x) == storage_of(x.view(3, 2)) == storage_of(x[1:])
    assert storage_of(x) != storage_of(x.clone())
    assert storage_of(torch.ones(2, 2).to_sparse()) is None


def test_which_axis_is_first():
    x = torch.ones(5, 2, 3)
    assert is_length_first(x.transpose(0, 1))
    assert not is_length_first(x)
    assert not is_length_first(torch.ones(5, 1, 3).transpose(0, 1))


def test_tensors_within_others():
    x, y = torch.ones(1), torch.ones(1)
    assert [id(one) for one in tensors_in((x, [y, "words"], None))] == [id(x), id(y)]


def test_vectors():
    assert is_vectors(torch.ones(2, 3))
    assert not is_vectors(torch.ones(3))
    assert not is_vectors(torch.ones(2, 3).int())


def test_what_may_be_a_norm():
    x = torch.ones(2, 3)
    assert may_be_norm(x, x + 1, nn.LayerNorm(3))
    assert not may_be_norm(x, x + 1, nn.Linear(3, 3))
    assert not may_be_norm(x, x, nn.Identity())
    assert not may_be_norm(x, x[:1], nn.LayerNorm(3))
