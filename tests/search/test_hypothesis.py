"""Length penalties by their formulas."""

from __future__ import annotations

import pytest

from clearhead.errors import ConfigError
from clearhead.search.hypothesis import length_penalty


@pytest.mark.parametrize(
    ("kind", "length", "alpha", "expected"),
    [
        ("length", 9, 0.5, 3.0),
        ("length", 9, 1.0, 9.0),
        ("length", 9, 0.0, 1.0),
        ("gnmt", 1, 0.8, 1.0),  # of one token: (5 + 1) / 6
        ("gnmt", 19, 0.5, 2.0),  # the root of 24 / 6
        ("gnmt", 7, 1.0, 2.0),
        ("none", 9, 1.0, 1.0),
    ],
)
def test_a_penalty_is_its_formula(kind, length, alpha, expected):
    assert length_penalty(kind)(length, alpha) == pytest.approx(expected, abs=1e-12)


def test_another_penalty_is_refused_with_those_that_there_are():
    words = "normalization must be one of length, gnmt, none; it is 'words'"
    with pytest.raises(ConfigError, match=words):
        length_penalty("words")
