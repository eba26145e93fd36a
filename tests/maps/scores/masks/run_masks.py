"""Masks that let each query attend to one run of keys, to draw from."""

from __future__ import annotations

import torch
from hypothesis import strategies as st

from clearhead.maps.scores.masks.compaction import collapsed, compact_visible
from clearhead.maps.scores.masks.key_ranges import KeyRanges
from clearhead.maps.scores.positions import ALL


def places(query_len, key_len):
    return torch.arange(query_len)[:, None], torch.arange(key_len)


def dense(allowed, key_len):
    """All of a compact mask."""
    return allowed.tile(ALL, torch.arange(key_len))


@st.composite
def run_masks(draw, query_len=None, key_len=None):
    """Masks that let a query see one run of keys: Bool["batch|1 heads|1 query_len key_len"]."""
    torch.manual_seed(draw(st.integers(0, 10**6)))
    query_len = query_len or draw(st.integers(1, 9))
    key_len = key_len or draw(st.integers(1, 9))
    lead = draw(st.sampled_from([1, 2])), draw(st.sampled_from([1, 3]))
    i, j = places(query_len, key_len)
    kind = draw(st.sampled_from(["causal", "window", "left", "right", "packed", "any", "rows"]))
    shift = int(torch.randint(-3, 6, ()))
    if kind == "causal":
        return (j <= i + shift).expand(*lead, -1, -1)
    if kind == "window":
        return ((j <= i + shift) & (j > i + shift - 3)).expand(*lead, -1, -1)
    if kind == "packed":
        documents = (torch.rand(*lead, query_len + key_len) < 0.4).cumsum(-1)
        return documents[..., :query_len, None] == documents[..., None, :key_len]
    if kind == "rows":  # some queries see everything, the others nothing
        return (torch.rand(*lead, query_len, 1) < 0.5).expand(-1, -1, -1, key_len)
    rows = query_len if kind == "any" else 1
    start, end = torch.randint(0, key_len + 1, (2, *lead, rows, 1))
    if kind == "left":
        end = torch.tensor(key_len)
    if kind == "right":
        start = torch.tensor(0)
    return ((j >= start) & (j < end)).expand(*lead, query_len, -1)


def of_mask(mask):
    actual = compact_visible(collapsed(mask), *mask.shape[-2:])
    assert isinstance(actual, KeyRanges)
    return actual


def positions(size):
    """A slice with both ends, or a vector in any order."""
    ends = st.lists(st.integers(0, size), min_size=2, max_size=2)
    vector = st.lists(st.integers(0, size - 1), min_size=1, max_size=4).map(torch.tensor)
    return ends.map(lambda both: slice(*sorted(both))) | vector
