"""Exact sums: against fractions, in any order, and what they refuse."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhead.errors import ConfigError
from clearhead.surveys.distribution import MOST_VALUE, Distribution
from clearhead.surveys.scales import NATS, SHARE, TOKENS

VALUES = st.one_of(st.floats(0, MOST_VALUE), st.floats(0, 1), st.just(float("nan")))


@given(st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=30))
def test_mean_and_variance_are_those_of_fractions(rows):
    values = np.array(rows)
    found = Distribution.of(TOKENS, values)
    for head in range(2):
        exact = [
            Fraction(round(Fraction(x) * 2**24), 2**24) for x in values[:, head] if not np.isnan(x)
        ]
        assert found.counts[head] == len(exact) == found.histogram[head].sum()
        if not exact:
            assert (found.means[head], found.variances[head]) == (None, None)
            continue
        mean = sum(exact) / len(exact)
        assert found.means[head] == float(mean)
        assert found.variances[head] == float(sum((x - mean) ** 2 for x in exact) / len(exact))
        assert (found.minima[head], found.maxima[head]) == (float(min(exact)), float(max(exact)))


@given(
    st.lists(st.tuples(VALUES, VALUES), min_size=2, max_size=20),
    st.integers(1, 19),
    st.randoms(use_true_random=False),
)
def test_any_division_and_order_gives_the_same(rows, cut, random):
    whole = Distribution.of(TOKENS, np.array(rows)).to_dict()
    mixed = random.sample(rows, len(rows))
    parts = [part for part in (mixed[:cut], mixed[cut:]) if part]
    total = Distribution.of(TOKENS, np.array(parts[-1]))
    for part in parts[:-1]:
        total = total + Distribution.of(TOKENS, np.array(part))
    assert total.to_dict() == whole
    assert Distribution.from_dict(TOKENS, whole).to_dict() == whole


def test_sums_of_many_large_values_do_not_overflow():
    values = np.full((40_000, 1), MOST_VALUE)
    found = Distribution.of(TOKENS, values)
    assert found.squares == (40_000 * 2**92,)
    assert found.sums == (40_000 * 2**46,)
    assert (found.means, found.variances) == ([MOST_VALUE], [0.0])


@pytest.mark.parametrize(
    ("scale", "value", "place"),
    [(SHARE, 0.0, 0), (SHARE, 1.0, 63), (SHARE, 0.02, 1), (NATS, 0.26, 1), (NATS, 99.0, 63),
     (TOKENS, 0.2, 0), (TOKENS, 0.25, 1), (TOKENS, 1.4, 5), (TOKENS, 3e6, 44)],
)  # fmt: skip
def test_a_value_is_counted_in_the_bin_that_begins_below_it(scale, value, place):
    histogram = Distribution.of(scale, np.array([[value]])).histogram[0]
    assert histogram.tolist() == [n == place for n in range(scale.bins)]


@pytest.mark.parametrize("value", [-0.1, np.inf, MOST_VALUE * 2])
def test_what_is_no_measure_is_refused(value):
    with pytest.raises(ConfigError, match="lies from 0 to 4,194,304"):
        Distribution.of(SHARE, np.array([[value]]))
