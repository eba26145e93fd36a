"""What two masks of any form let a query attend to together, against plain boolean masks."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from clearhead.maps.scores.masks.dense_mask import DenseMask
from clearhead.maps.scores.masks.key_mask import intersection
from clearhead.maps.scores.masks.key_ranges import KeyRanges, causal_ranges
from clearhead.maps.scores.masks.key_runs import KeyRuns, runs_of_keys
from clearhead.maps.scores.positions import ALL

CPU = torch.device("cpu")


def shown(mask, shape):
    """All queries and keys of a mask."""
    if mask is None:
        return torch.ones(shape, dtype=torch.bool)
    return mask.tile(ALL, torch.arange(shape[3])).expand(shape)


@st.composite
def key_masks(draw, shape):
    """A mask of one form, or None, and the booleans that it stands for."""
    kind = draw(st.sampled_from(["none", "ranges", "runs", "mask", "within"]))
    if kind == "none":
        return None, shown(None, shape)
    torch.manual_seed(draw(st.integers(0, 10**6)))
    sizes = [draw(st.sampled_from([1, size])) for size in shape[:3]]
    visible = torch.rand(*sizes, shape[3]) < 0.8
    if kind == "runs":
        visible = visible.expand(*sizes[:2], *shape[2:])
        keys = torch.where(visible, torch.arange(shape[3]), shape[3]).sort(-1).values
        return KeyRuns(*runs_of_keys(keys, shape[3]), shape[3]), visible.expand(shape)
    actual = DenseMask(visible)
    before, after = draw(st.integers(0, 3)), draw(st.integers(0, 3))
    ranges = causal_ranges(*shape[2:], causal=False, offset=0, window=(before, after), device=CPU)
    if kind == "ranges":
        return ranges, shown(ranges, shape)
    if kind == "within":
        return actual.intersect(ranges), shown(actual, shape) & shown(ranges, shape)
    return actual, shown(actual, shape)


@given(st.tuples(st.just(2), st.just(3), st.integers(1, 7), st.integers(1, 7)), st.data())
def test_both_is_what_each_of_them_allows(shape, data):
    one, of_one = data.draw(key_masks(shape))
    other, of_other = data.draw(key_masks(shape))
    both = intersection(one, other)
    assert torch.equal(shown(both, shape), of_one & of_other)
    if both is None:
        assert one is other is None
    else:
        assert torch.equal(both.sees().expand(shape[:3]), (of_one & of_other).any(-1))
        assert type(both) is _form(one, other)


def _form(*masks):
    """Ranges change no form; two masks of other forms need booleans."""
    forms = [type(mask) for mask in masks if mask is not None]
    others = [form for form in forms if form is not KeyRanges]
    return others[0] if len(others) == 1 else DenseMask if others else KeyRanges
