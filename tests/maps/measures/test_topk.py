"""The largest entries of a row, against sorting it."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from clearhead.errors import ConfigError
from clearhead.maps import TopK
from clearhead.maps.measures.topk import largest


@given(
    st.integers(1, 1500),
    st.integers(1, 20),
    st.sampled_from([torch.float32, torch.float64]),
    st.sampled_from(["random", "few values", "mostly zero"]),
    st.integers(0, 1000),
)
def test_the_largest_are_those_that_sorting_finds(width, k, dtype, kind, seed):
    torch.manual_seed(seed)
    rows = torch.rand(5, width, dtype=dtype)
    if kind == "few values":
        rows = (rows * 4).floor() / 4
    if kind == "mostly zero":
        rows *= rows > 0.99
    values, indices = largest(rows, k)
    expected = rows.sort(-1, descending=True).values[:, :k]
    assert torch.equal(values, expected)
    assert torch.equal(rows.gather(-1, indices), expected)
    assert all(len(set(row)) == len(row) for row in indices.tolist())


def test_tiny_numbers_are_told_apart():
    """Subnormal float32, which as float64 are normal numbers."""
    rows = torch.zeros(1, 1024)
    rows[0, 700], rows[0, 3] = 3e-45, 1.4e-45
    values, indices = largest(rows, 2)
    assert indices.tolist() == [[700, 3]]
    assert torch.equal(values, rows[:, [700, 3]])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [((0,), "k of at least 1, not 0"), ((3, "value"), "not by 'value'")],
)
def test_senseless_settings_are_refused(arguments, words):
    with pytest.raises(ConfigError, match=words):
        TopK(*arguments)
