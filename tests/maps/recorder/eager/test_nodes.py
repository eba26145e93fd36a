"""Notes on scores keep what the model is about to write to."""

from __future__ import annotations

import pytest
import torch

from clearhead.maps.recorder.eager._nodes import (
    Addition,
    Layout,
    Node,
    Product,
    Scaling,
    storage_of,
    weak_reference,
)
from clearhead.maps.recording.captured import Unreadable


def scaled_and_biased(lhs, rhs, bias):
    """Notes on a product that was scaled and had a bias added."""
    out = lhs @ rhs
    layout, reference = Layout.of(out), weak_reference(out)
    node = Node(layout, Product.of(lhs, rhs, "bmm"), reference)
    node = Node(layout, Scaling(2.0), reference, node, layout)
    return Node(layout, Addition(bias), reference, node, layout)


def test_only_the_memory_that_is_written_to_is_copied():
    lhs, rhs, bias = torch.randn(2, 3, 4), torch.randn(2, 4, 5), torch.randn(3, 5)
    before = lhs.clone()
    node = scaled_and_biased(lhs, rhs, bias)
    node.copy_before_a_write(storage_of(lhs[1:]))
    lhs.zero_()
    assert torch.equal(node.product.lhs, before)
    assert storage_of(node.product.rhs) == storage_of(rhs)
    assert node.step.term is bias


def test_two_factors_in_one_memory_and_a_term_are_all_kept():
    whole, bias = torch.randn(3, 2, 4, 4), torch.randn(4, 4)
    before, bias_before = whole.clone(), bias.clone()
    node = scaled_and_biased(whole[0], whole[1].mT, bias)
    node.copy_before_a_write(storage_of(whole))
    node.copy_before_a_write(storage_of(bias))
    whole.zero_()
    bias.zero_()
    assert torch.equal(node.product.lhs, before[0])
    assert torch.equal(node.product.rhs, before[1].mT)
    assert torch.equal(node.step.term, bias_before)


def test_places_are_found_again_whatever_the_order_of_axes():
    x = torch.randn(2, 3, 4).permute(2, 0, 1)[1:]
    layout = Layout.of(x)
    places = torch.meshgrid(*(torch.arange(size) for size in x.shape), indexing="ij")
    positions = layout.positions(list(places))
    again = layout.coordinates(positions)
    assert all(torch.equal(one, other) for one, other in zip(places, again, strict=True))
    assert Layout.of(x.movedim(0, -1)) == layout.move_axis(0, -1)
    with pytest.raises(Unreadable, match="as if it were another shape"):
        layout.coordinates(torch.tensor([0]))
