"""Products of heads that share keys, against those of repeated keys."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from clearhead.maps.scores.products import owners_of, scaled_products

CPU = torch.device("cpu")


@given(st.integers(1, 3), st.integers(1, 3), st.integers(0, 4), st.integers(0, 4))
def test_each_head_of_keys_serves_its_group(kv_heads, group, query_len, key_len):
    query = torch.randn(2, kv_heads * group, query_len, 4)
    key = torch.randn(2, kv_heads, key_len, 4)
    actual = scaled_products(query, key, 0.3, torch.float64)
    expected = 0.3 * query.double() @ key.double().repeat_interleave(group, 1).mT
    assert actual.dtype == torch.float64
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-13)


@given(st.integers(1, 4), st.integers(0, 12), st.integers(0, 12))
def test_owners_of_a_slice_are_each_taken_once_where_they_can_be(group, one, other):
    first, end = sorted((one, other))
    each = [head // group for head in range(first, end)]
    actual = owners_of(slice(first, end), group, CPU)
    if not isinstance(actual, slice):
        assert actual.tolist() == each
        assert first % group or end % group
        return
    # Taken together in groups of the same size they are those of each head again.
    owners = list(range(actual.start, actual.stop))
    size = len(each) // max(len(owners), 1)
    assert [owner for owner in owners for _ in range(size)] == each


@pytest.mark.parametrize("heads", [[], [3], [0, 5, 2, 2]])
def test_owners_of_a_vector_are_one_for_each(heads):
    actual = owners_of(torch.tensor(heads, dtype=torch.int64), 2, CPU)
    assert actual.tolist() == [head // 2 for head in heads]
