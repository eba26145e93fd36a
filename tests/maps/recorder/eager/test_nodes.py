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


def noted(left, right, bias):
    """Notes on a product that was scaled and had a bias added."""
    out = left @ right
    layout, reference = Layout.of(out), weak_reference(out)
    node = Node(layout, Product.of(left, right, "bmm"), reference)
    node = Node(layout, Scaling(2.0), reference, node, layout)
    return Node(layout, Addition(bias), reference, node, layout)


def test_only_the_memory_that_is_written_to_is_copied():
    left, right, bias = torch.randn(2, 3, 4), torch.randn(2, 4, 5), torch.randn(3, 5)
    before = left.clone()
    node = noted(left, right, bias)
    node.copy_before_a_write(storage_of(left[1:]))
    left.zero_()
    assert torch.equal(node.product.lhs, before)
    assert storage_of(node.product.rhs) == storage_of(right)
    assert node.step.term is bias


def test_two_factors_in_one_memory_and_a_term_are_all_kept():
    whole, bias = torch.randn(3, 2, 4, 4), torch.randn(4, 4)
    before, bias_before = whole.clone(), bias.clone()
    node = noted(whole[0], whole[1].mT, bias)
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
