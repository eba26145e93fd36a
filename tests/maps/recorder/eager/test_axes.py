"""The axes of a softmax's input, as batch, heads, queries and keys."""

from __future__ import annotations

import pytest
import torch

from clearhead.maps.recorder.eager import _axes
from clearhead.maps.recorder.eager._axes import Axes, Place, in_final_axes
from clearhead.maps.recorder.eager._nodes import Layout, Node, Product, weak_reference
from clearhead.maps.recording.captured import Unreadable

BATCH, HEADS, QUERIES, KEYS = 2, 3, 4, 5
FOUR = torch.arange(BATCH * HEADS * QUERIES * KEYS).reshape(BATCH, HEADS, QUERIES, KEYS)


@pytest.mark.parametrize(
    ("axes", "arrange"),
    [
        (Axes(-1, 2, BATCH, HEADS), lambda x: x),
        (Axes(-1, 1, BATCH, HEADS), lambda x: x.flatten(0, 1)),
        (Axes(1, 2, BATCH, HEADS), lambda x: x.movedim(-1, 1)),  # batch, keys, heads, queries
        (Axes(-1, 1, BATCH, HEADS), lambda x: x.transpose(1, 2)),
        (Axes(-1, 2, BATCH, HEADS, True), lambda x: x.transpose(0, 1)),
        (Axes(-1, 1, BATCH, HEADS, True), lambda x: x.transpose(0, 1).flatten(0, 1)),
    ],
)
def test_axes_in_any_order_become_the_four(axes, arrange):
    assert torch.equal(axes.four(arrange(FOUR)), FOUR)


def test_what_is_broadcast_stays_broadcast():
    axes = Axes(-1, 2, BATCH, HEADS)
    assert axes.four(FOUR[:1, :1]).shape == (1, 1, QUERIES, KEYS)
    assert axes.four(FOUR[:, :1]).shape == (BATCH, 1, QUERIES, KEYS)
    assert Axes(-1, 1, BATCH, HEADS).four(FOUR[0, :1]).shape == (1, 1, QUERIES, KEYS)
    heads_first = Axes(-1, 2, BATCH, HEADS, True)
    assert heads_first.four(FOUR.transpose(0, 1)[:, :1]).shape == (1, HEADS, QUERIES, KEYS)


def test_a_bias_per_head_may_be_the_same_in_all_windows():
    windows = Axes(-1, 3, BATCH * 7, HEADS)
    assert torch.equal(windows.four(FOUR[None, :1]), FOUR[:1])
    with pytest.raises(Unreadable, match="broadcast along an axis that became part of another"):
        windows.four(FOUR[:, :1, None])


def test_a_part_of_a_merged_axis_is_refused():
    with pytest.raises(Unreadable, match="broadcast along an axis that became part of another"):
        Axes(-1, 1, BATCH, HEADS).four(FOUR[0])


@pytest.mark.parametrize("heads_first", [False, True])
def test_flattened_leading_axes_are_batch_and_heads(heads_first):
    axes = Axes(-1, 2, BATCH, HEADS, heads_first)
    x = FOUR.transpose(0, 1) if heads_first else FOUR
    assert torch.equal(axes.batch_and_heads(x.flatten(0, 1)), FOUR)


def place_in(scores, final):
    """Where the rows and columns of a softmax's input lie in the scores that it is a view of."""
    product = Product.of(torch.randn(1, 2, 3), torch.randn(1, 3, 2), "bmm")
    node = Node(Layout.of(scores), product, weak_reference(scores))
    layout = Layout.of(final)
    lead = [torch.arange(size) for size in layout.shape[:-1]]
    grid = torch.meshgrid(*lead, indexing="ij")
    zero = torch.zeros_like(grid[0])
    rows = node.layout.coordinates(layout.positions([*grid, zero]))
    ends = [torch.tensor([[0], [size - 1]]) for size in layout.shape[:-1]]
    width = torch.arange(layout.shape[-1])[None]
    columns = node.layout.coordinates(layout.positions([*ends, width]).expand(2, -1))
    return Place(node, rows, columns), layout


@pytest.mark.parametrize(
    "view",
    [
        lambda x: x,
        lambda x: x.flatten(0, 1),
        lambda x: x.unflatten(1, (1, HEADS)),
        lambda x: x.transpose(0, 1),
        lambda x: x[:, :, 1:3, 2:],
    ],
    ids=["same", "merged", "split", "permuted", "part"],
)
@pytest.mark.parametrize(
    "shape", [(1, 1, QUERIES, KEYS), (BATCH, HEADS, 1, KEYS), (KEYS,)], ids=str
)
def test_a_term_goes_where_the_scores_went(view, shape):
    scores, term = torch.randn(BATCH, HEADS, QUERIES, KEYS), torch.randn(shape)
    final = view(scores)
    place, layout = place_in(scores, final)
    axes = Axes(-1, final.ndim - 2, BATCH, HEADS)
    actual = in_final_axes(term, place, layout, axes)
    expected = view(term.expand_as(scores))
    assert torch.equal(actual.expand_as(expected), expected)


def test_a_term_that_is_too_large_is_not_copied(monkeypatch):
    monkeypatch.setattr(_axes, "_LARGEST_COPY", 10)
    scores = torch.randn(BATCH, HEADS, QUERIES, KEYS)
    final = scores.transpose(0, 1)
    place, layout = place_in(scores, final)
    with pytest.raises(Unreadable, match="before the axes were put in another order"):
        in_final_axes(torch.randn(KEYS), place, layout, Axes(-1, 2, HEADS, BATCH))
