"""The order of batch and heads, and the way there and back."""

from __future__ import annotations

import pytest
import torch

from clearhead.errors import ConfigError
from clearhead.interventions.attention.layout import (
    FIRST,
    MERGED,
    MERGED_FIRST,
    ONE,
    SECOND,
    layout_of,
)
from clearhead.interventions.attention.merged_order import Axes
from clearhead.interventions.edits import TensorEdit


@pytest.mark.parametrize(
    ("shape", "hints", "axes", "form", "heads"),
    [
        ((2, 4, 5, 8), [4], None, SECOND, 4),
        ((4, 2, 5, 8), [4], None, FIRST, 4),
        ((2, 4, 5, 8), [], None, SECOND, 4),
        ((4, 4, 5, 8), [4], Axes(4, 4, None, "first"), FIRST, 4),
        ((8, 5, 8), [4], Axes(2, 4, 0), MERGED, 4),
        ((8, 5, 8), [4], Axes(4, 2, 0), MERGED_FIRST, 4),
        ((16, 5, 8), [4], Axes(4, 4, 0, "first"), MERGED_FIRST, 4),
        ((6, 5, 8), [], Axes(3, 2, 0, "second"), MERGED, 2),
        ((4, 5, 8), [4], None, MERGED, 4),
        ((3, 5, 8), [1], None, ONE, 1),
        ((5, 8), [], None, ONE, 1),
    ],
)
def test_there_and_back(shape, hints, axes, form, heads):
    x = torch.randn(shape)
    layout = layout_of(x, hints, axes=axes)
    assert (layout.form, layout.heads, layout.doubt) == (form, heads, "")
    unfolded = layout.unfold(x)
    assert unfolded.ndim == 4
    assert unfolded.shape[1] == heads
    assert torch.equal(layout.fold(unfolded, x), x)


@pytest.mark.parametrize(
    ("shape", "hints", "words"),
    [
        ((4, 4, 5, 8), [4], "batch and heads are both 4, and nothing tells"),
        ((8, 5, 8), [4], "batch and 4 heads share an axis of 8, and whether the batch"),
        ((8, 5, 8), [], "share an axis of 8, and how many heads there are is not known"),
    ],
)
def test_a_doubt_is_a_matter_of_single_heads(shape, hints, words):
    layout = layout_of(torch.zeros(shape), hints)
    layout.check(TensorEdit("my edit"))
    with pytest.raises(ConfigError, match=f"my edit: .*{words}.*Edit all heads alike"):
        layout.check(TensorEdit("my edit", (1,)))


def test_five_axes():
    with pytest.raises(ConfigError, match="has tensors of 5 axes"):
        layout_of(torch.zeros(2, 2, 2, 5, 8), [4])
